"""What participants and coordinators fill in."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from followup.ledger import Week
from followup.models import Call, Occasion, ReplyResolution, UnclearReply
from trial.protocol.schema import Weekly

MAX_TEXT = 1000


class DaysField(forms.DecimalField):
    """A number of days as the weekly question asks for it, with a comma or a point."""

    def __init__(self, weekly: Weekly, **options: Any) -> None:
        super().__init__(
            min_value=weekly.minimum,
            max_value=weekly.maximum,
            step_size=weekly.step,
            widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
            **options,
        )

    def to_python(self, value: Any) -> Any:
        return super().to_python(value.replace(",", ".") if isinstance(value, str) else value)


class CodeForm(forms.Form):
    """The code of an SMS."""

    code = forms.CharField(
        label=_("Code"),
        help_text=_("Nine letters and digits, from the SMS that we sent you."),
        max_length=30,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autocapitalize": "characters"}),
        error_messages={"required": _("Write the code from the SMS.")},
    )


class ResolveForm(forms.Form):
    """What an unclear reply says."""

    outcome = forms.ChoiceField(
        label=_("What does the reply say?"),
        choices=ReplyResolution.Outcome.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what the reply says.")},
    )
    occasion = forms.ModelChoiceField(
        Occasion.objects.none(),
        label=_("Which week is it about?"),
        required=False,
        empty_label=_("No week"),
    )
    reason = forms.CharField(
        label=_("Why do you read it so?"),
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": _("Say why, in a few words.")},
    )

    def __init__(
        self, reply: UnclearReply, weeks: Sequence[Occasion], weekly: Weekly | None, data: Any = None
    ) -> None:
        super().__init__(data, initial={"occasion": reply.occasion})
        field = self.fields["occasion"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Occasion.objects.filter(pk__in=[week.pk for week in weeks]).select_related(
            "participant"
        )
        field.label_from_instance = week_label  # type: ignore[method-assign, assignment]
        if weekly:
            self.fields["days"] = DaysField(weekly, label=_("How many days?"), required=False)
            self.order_fields(["outcome", "occasion", "days", "reason"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("outcome") == ReplyResolution.Outcome.DAYS and "days" not in self.errors:
            if cleaned.get("days") is None:
                self.add_error("days" if "days" in self.fields else None, _("Write how many days."))
            if cleaned.get("occasion") is None:
                self.add_error("occasion", _("Choose the week."))
        if cleaned.get("outcome") == ReplyResolution.Outcome.NO_ANSWER and cleaned.get("days") is not None:
            self.add_error("outcome", _("You wrote days. Choose that it says how many, or take them away."))
        return cleaned

    @property
    def days(self) -> Decimal | None:
        """None where the reply is no answer."""
        answers = self.cleaned_data["outcome"] == ReplyResolution.Outcome.DAYS
        return self.cleaned_data["days"] if answers else None


class CallForm(forms.Form):
    """A call, and what was said about each week that can still be answered."""

    outcome = forms.ChoiceField(
        label=_("How did it go?"),
        choices=Call.Outcome.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose how it went.")},
    )
    note = forms.CharField(
        label=_("Note"),
        help_text=_("Only what the study needs to know."),
        max_length=MAX_TEXT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, weeks: Sequence[Week], weekly: Weekly, data: Any = None) -> None:
        super().__init__(data)
        self.weeks = {f"week_{week.number}": week for week in weeks}
        for name, week in self.weeks.items():
            self.fields[name] = DaysField(
                weekly,
                label=_("Days in week %(number)s, %(from)s–%(to)s")
                % {"number": week.number, "from": _day(week.starts_on), "to": _day(week.ends_on)},
                required=False,
            )
        self.order_fields(["outcome", *self.weeks, "note"])

    @property
    def answers(self) -> dict[int, Decimal]:
        """Days by week number, of the weeks that were filled in."""
        found = ((week.number, self.cleaned_data[name]) for name, week in self.weeks.items())
        return {number: days for number, days in found if days is not None}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        if cleaned["outcome"] == Call.Outcome.ANSWERED and not self.answers:
            self.add_error("outcome", _("Write the days of at least one week, or choose another outcome."))
        elif cleaned["outcome"] != Call.Outcome.ANSWERED and self.answers:
            self.add_error("outcome", _("You wrote days. Choose that you got answers, or take them away."))
        return cleaned


class CorrectionForm(forms.Form):
    """Another number in the place of an answer."""

    reason = forms.CharField(
        label=_("Why is it corrected?"),
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": _("Say why, in a few words.")},
    )

    def __init__(self, weekly: Weekly, data: Any = None) -> None:
        super().__init__(data)
        self.fields["days"] = DaysField(weekly, label=_("How many days?"))
        self.order_fields(["days", "reason"])


def week_label(week: Occasion) -> str:
    return _("%(study_id)s, week %(number)s from %(from)s") % {
        "study_id": week.participant.study_id,
        "number": week.number,
        "from": _day(week.week_start),
    }


def _day(day: Any) -> str:
    from django.utils.formats import date_format

    return date_format(day, "MONTH_DAY_FORMAT")
