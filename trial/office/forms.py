"""What coordinators fill in on a participant's pages."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.template.defaultfilters import floatformat
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from randomization.selectors import deviation_kinds
from randomization.telling import UntellingForm
from screening.models import Verification
from screening.selectors import ToVerify, decisions_in
from trial.people.facts import Facts
from trial.people.models import Status
from trial.protocol.models import Trial

MAX_REASON = 1000

HINTS = {
    None: _("The answers do not tell."),
    True: _("By the answers it does not stand in the way."),
    False: _("By the answers it stands in the way."),
}

FINAL = {Status.WITHDRAWN_INTERVENTION, Status.WITHDRAWN_CONTACT, Status.WITHDRAWN_DATA, Status.DIED}
"""Asked about once more before it is recorded."""


class VerifyForm(forms.Form):
    """The criteria that a person must check, each with yes or no; what the answers say is suggested."""

    reason = forms.CharField(
        label=_("Note"),
        help_text=_("What you based the decision on, where it is not obvious."),
        max_length=MAX_REASON,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(
        self,
        criteria: Sequence[ToVerify],
        language: str,
        data: Any = None,
        *,
        earlier: Verification | None = None,
    ) -> None:
        decided = decisions_in(earlier) if earlier else []
        initial = {one.criterion.key: "yes" if one.said else "no" for one in decided}
        super().__init__(data, initial=initial)
        self.criteria = criteria
        if earlier:
            self.fields["reason"].required = not _sent_twice(data, initial, earlier.reason)
            self.fields["reason"].error_messages["required"] = _("Say why you decide anew.")
            self.fields["reason"].label = _("Why do you decide anew?")
            self.fields["reason"].help_text = _("The earlier decision stays on record too.")
        fields = {criterion.criterion.key: _criterion_field(criterion, language) for criterion in criteria}
        self.fields = {**fields, **self.fields}

    @property
    def decisions(self) -> dict[str, bool]:
        """By criterion: true where it does not stand in the way."""
        criteria = [one.criterion for one in self.criteria]
        return {c.key: (self.cleaned_data[c.key] == "yes") == (c.kind == "inclusion") for c in criteria}


def _sent_twice(data: Mapping[str, str] | None, initial: Mapping[str, str], reason: str) -> bool:
    """Whether the form says what was decided before, word for word: a second click."""
    return data is not None and {"reason": reason, **initial} == {
        name: data.get(name, "").strip() for name in ("reason", *initial)
    }


def _criterion_field(one: ToVerify, language: str) -> forms.ChoiceField:
    label = one.criterion.label.in_(language)
    needed = _("Must be so.") if one.criterion.kind == "inclusion" else _("Must not be so.")
    scores = "".join(f" {score.name.in_(language)}: {floatformat(value)}." for score, value in one.scores)
    return forms.ChoiceField(
        label=label,
        help_text=format_lazy("{} {}{}", needed, HINTS[one.suggestion], scores),
        choices=[("yes", _("Yes")), ("no", _("No"))],
        widget=forms.RadioSelect,
        error_messages={"required": format_lazy("{}: {}", _("Decide"), label)},
    )


class StatusForm(forms.Form):
    """Something that happened to the participant."""

    until = forms.DateField(
        label=_("Last day of the break"),
        help_text=_("Only for a break. Leave empty for a break without an end."),
        required=False,
        widget=forms.DateInput(attrs={"type": "date", "class": "tb-short"}, format="%Y-%m-%d"),
    )
    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("Who told you, and why. No names."),
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": _("Write who told you, and why.")},
    )

    def __init__(self, known: Facts, zone: ZoneInfo, data: Any = None) -> None:
        super().__init__(data)
        self.zone = zone
        statuses = [(status.value, status.label) for status in possible(known)]
        if data and (again := next((status for status in known.since if status == data.get("name")), None)):
            statuses.append((again.value, again.label))  # a second click: the service records it once
        self.fields["name"] = forms.ChoiceField(
            label=_("What happened"),
            choices=[("", _("Choose")), *statuses],
            error_messages={"required": _("Choose what happened.")},
        )
        self.order_fields(["name"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("until") and cleaned.get("name") not in (None, Status.PAUSED):
            self.add_error("until", _("Only a break has an end."))
        return cleaned

    @property
    def happened(self) -> dict[str, Any]:
        """For `add_status`. A break is over when its last day is, in the trial's time zone."""
        day = self.cleaned_data["until"]
        until = datetime.combine(day + timedelta(days=1), time.min, tzinfo=self.zone) if day else None
        return {"name": self.cleaned_data["name"], "reason": self.cleaned_data["reason"], "until": until}

    @property
    def chosen(self) -> str:
        return str(Status(self.cleaned_data["name"]).label)

    @property
    def erases(self) -> bool:
        return self.cleaned_data["name"] == Status.WITHDRAWN_DATA

    @property
    def is_final(self) -> bool:
        return Status(self.cleaned_data["name"]) in FINAL


def possible(known: Facts) -> list[Status]:
    """What can be recorded now."""
    if known.data_withdrawn:
        return []
    choices = [Status.RESUMED] if Status.PAUSED in known else [Status.PAUSED]
    choices += [Status.RESUMED_CONTACT] if Status.STOPPED_CONTACT in known else [Status.STOPPED_CONTACT]
    return choices + [status for status in sorted(FINAL, key=list(Status).index) if status not in known]


class IdentityForm(forms.Form):
    """Which details are needed, and why."""

    wanted = forms.MultipleChoiceField(
        label=_("What do you need to know?"),
        choices=[("name", _("Name")), ("phone", _("Phone")), ("email", _("E-mail"))],
        initial=["name", "phone"],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose what you need to know.")},
    )
    reason = forms.CharField(
        label=_("Why?"),
        help_text=_("Your reason is kept in the read log."),
        max_length=200,
        error_messages={"required": _("Say why you need to know who this is.")},
    )


class ReasonForm(forms.Form):
    """Why the arm is looked at again."""

    reason = forms.CharField(
        label=_("Why?"),
        help_text=_("Your reason is kept in the read log."),
        max_length=200,
        error_messages={"required": _("Say why you need to know the group.")},
    )


class DeviationForm(UntellingForm):
    """What went wrong at randomization."""

    words = "description"
    kind = forms.ChoiceField(
        label=_("What happened"), error_messages={"required": _("Choose what happened.")}
    )
    description = forms.CharField(
        label=_("Description"),
        help_text=_("What happened, and what you did about it. No names, and not the group."),
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": _("Describe what happened.")},
    )

    def __init__(self, trial: Trial, data: Any = None) -> None:
        super().__init__(trial, data)
        kind = self.fields["kind"]
        assert isinstance(kind, forms.ChoiceField)
        kind.choices = [("", _("Choose")), *deviation_kinds()]


class FindForm(forms.Form):
    """A phone number to look up; sent in the body, so that it stands in no address and no log."""

    phone = forms.CharField(
        label=_("Find by phone"),
        max_length=30,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "off", "class": "tb-short"}),
        error_messages={"required": _("Write the phone number.")},
    )
