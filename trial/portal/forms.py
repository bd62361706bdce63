"""The forms of the participant's own page."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from screening.forms import NormalisedField
from trial.portal.entry import readings
from trial.protocol.schema import Item, Kind, Text, Weekly
from trial.questionnaires.forms import NumberField

LONGEST_BREAK = timedelta(days=182)
A_DAY_I_CHOOSE = "day"


class LoginForm(forms.Form):
    """A phone, in any of our trials' countries."""

    phone = NormalisedField(
        lambda raw: " ".join(readings(raw)),
        label=gettext_lazy("Your mobile phone"),
        help_text=gettext_lazy("The number that you gave to the study."),
        max_length=30,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "class": "tb-short"}),
        error_messages={"required": gettext_lazy("Write your mobile phone number.")},
    )


class BreakForm(forms.Form):
    """How long the break lasts."""

    length = forms.ChoiceField(
        label=gettext_lazy("How long do you want a break?"),
        choices=[
            ("1", gettext_lazy("One week")),
            ("2", gettext_lazy("Two weeks")),
            ("4", gettext_lazy("Four weeks")),
            (A_DAY_I_CHOOSE, gettext_lazy("Until a day that I choose")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose how long you want a break.")},
    )
    until = forms.DateField(
        label=gettext_lazy("The last day of the break"),
        help_text=gettext_lazy("Only if you chose a day yourself. At most half a year from now."),
        required=False,
        input_formats=["%Y-%m-%d", "%d.%m.%Y", "%d.%m.%y", "%d/%m/%Y"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"invalid": gettext_lazy("Write the date as day.month.year.")},
    )

    def __init__(self, today: date, data: Any = None) -> None:
        super().__init__(data)
        self.today = today

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("length") == A_DAY_I_CHOOSE and "until" not in self.errors:
            day = cleaned.get("until")
            if day is None:
                self.add_error("until", _("Choose the last day of the break."))
            elif not self.today <= day <= self.today + LONGEST_BREAK:
                self.add_error("until", _("Choose a day from today and at most half a year from now."))
        return cleaned

    def ends_at(self, zone: str) -> datetime:
        """When the break is over: the midnight after its last day, in the trial's zone."""
        length = self.cleaned_data["length"]
        weeks = 0 if length == A_DAY_I_CHOOSE else int(length)
        last = self.cleaned_data["until"] if not weeks else self.today + timedelta(weeks=weeks)
        return datetime.combine(last + timedelta(days=1), time(), ZoneInfo(zone))


class WeekForm(forms.Form):
    """How many days of one week."""

    def __init__(self, weekly: Weekly, days: Decimal | None, data: Any = None) -> None:
        super().__init__(data, initial={"days": None if days is None else float(days)})
        limits = {"smallest": number_format(weekly.minimum), "largest": number_format(weekly.maximum)}
        limited = Item(
            key="days",
            kind=Kind.NUMBER,
            label=Text({"en": "Days"}),
            minimum=weekly.minimum,
            maximum=weekly.maximum,
            step=weekly.step,
        )
        self.fields["days"] = NumberField(
            limited,
            label=_("How many days were you on sick leave?"),
            help_text=_("A number from %(smallest)s to %(largest)s.") % limits,
            error_messages={"required": _("Write how many days.")},
        )

    def clean_days(self) -> Decimal:
        return Decimal(str(self.cleaned_data["days"]))


class WithdrawForm(forms.Form):
    """A reason, if one wants to give one."""

    reason = forms.CharField(
        label=gettext_lazy("Would you like to tell us why?"),
        help_text=gettext_lazy("You need not. It helps us to make studies better."),
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class SureForm(forms.Form):
    """The last question before what cannot be undone. It takes the reason along from the page before."""

    asked = forms.BooleanField(widget=forms.HiddenInput, initial=True)
    reason = forms.CharField(required=False, max_length=1000, widget=forms.HiddenInput)
    sure = forms.BooleanField(
        label=gettext_lazy("I take everything back, and know that it cannot be undone."),
        error_messages={
            "required": gettext_lazy("Tick here if you are sure, or go back and change nothing.")
        },
    )

    def __init__(self, reason: str, data: Any = None) -> None:
        """`data` without `asked` comes from the page before, and answers nothing here yet."""
        super().__init__(data if data and "asked" in data else None, initial={"reason": reason})
