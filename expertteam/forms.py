"""What teams fill in."""

import uuid
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from expertteam.models import LONGEST_DAY, LONGEST_MEETING, Activity, Case, Guest, Meeting
from expertteam.selectors import Seat, candidates, members_of
from trial.accounts.models import User

HTTPS_LINK = _("Copy the whole address of the video meeting. It must start with https://.")


def _meeting_lasts(minutes: int) -> None:
    if not 5 <= minutes <= LONGEST_MEETING:
        raise forms.ValidationError(_("A meeting lasts between 5 minutes and 8 hours."))


def _fits_a_day(minutes: int) -> None:
    if not 1 <= minutes <= LONGEST_DAY:
        raise forms.ValidationError(_("A day has 24 hours. Check the minutes."))


class AssignForm(forms.Form):
    """Somebody for a seat of the team."""

    lead = forms.BooleanField(
        label=_("Leads the team"), help_text=_("The lead may also put the team together."), required=False
    )

    def __init__(self, *args: Any, case: Case, seats: list[Seat], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        wanted = next((seat.profession.key for seat in seats if seat.wanted), None)
        self.fields["user"] = forms.ModelChoiceField(
            label=_("Who"), queryset=candidates(case), empty_label=_("Choose")
        )
        self.fields["profession"] = forms.ChoiceField(
            label=_("Role on the team"),
            choices=[(seat.profession.key, seat.name) for seat in seats],
            initial=wanted,
        )
        self.order_fields(("user", "profession", "lead"))


class WritingForm(forms.Form):
    """A note or advice. `thread` and `based_on` say which text this is and which version the writer has
    read."""

    thread = forms.UUIDField(widget=forms.HiddenInput)
    based_on = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    text = forms.CharField(
        label=_("Text"),
        help_text=_("A blank line begins a new paragraph. “## ” begins a heading, “- ” a line of a list."),
        max_length=50_000,
        widget=forms.Textarea(attrs={"rows": 12}),
    )

    @classmethod
    def new(cls) -> "WritingForm":
        """An empty one, for a text that does not exist yet."""
        return cls(initial={"thread": uuid.uuid4(), "based_on": 0})

    def after(self, version: int) -> "WritingForm":
        """The same words, now based on this version: for who was overtaken and has to put two texts
        together."""
        again = WritingForm({**{name: self.data[name] for name in self.fields}, "based_on": str(version)})
        again.is_valid()
        return again


class MeetingForm(forms.Form):
    """A time in the trial's own zone and a link."""

    day = forms.DateField(label=_("Day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    at = forms.TimeField(
        label=pgettext_lazy("of the day", "Time"),
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
    )
    minutes = forms.IntegerField(label=_("Minutes"), initial=45, validators=[_meeting_lasts])
    video_url = forms.URLField(
        label=_("Video link"),
        help_text=_("Starts with https://"),
        max_length=500,
        assume_scheme="https",
        error_messages={"invalid": HTTPS_LINK},
        widget=forms.URLInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, zone: ZoneInfo, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zone = zone
        self.fields["at"].help_text = _("Local time in %(zone)s") % {"zone": zone.key.replace("_", " ")}

    def clean_video_url(self) -> str:
        url = str(self.cleaned_data["video_url"])
        if not url.startswith("https://"):
            raise forms.ValidationError(HTTPS_LINK)
        return url

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if "day" in cleaned and "at" in cleaned:
            local = datetime.combine(cleaned["day"], cleaned["at"], self.zone)
            if local.astimezone(ZoneInfo("UTC")).astimezone(self.zone).time() != cleaned["at"]:
                self.add_error("at", _("The clocks change on this day; this time does not exist."))
            cleaned["starts_at"] = local
        return cleaned


class AttendanceForm(forms.Form):
    """Who came. No tick at all says that nobody did."""

    guests = forms.MultipleChoiceField(
        label=_("Others"), choices=Guest, required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, meeting: Meeting, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        came = list(meeting.attendance.all())
        team = members_of(meeting.case).values_list("user", flat=True)
        people = {*team, *(row.user_id for row in came if row.user_id)}
        self.fields["users"] = forms.ModelMultipleChoiceField(
            label=_("From the team"),
            queryset=User.objects.filter(pk__in=people),
            required=False,
            widget=forms.CheckboxSelectMultiple,
        )
        self.order_fields(("users", "guests"))
        if meeting.attendance_at is None:  # nothing is recorded yet: most often all come
            self.initial = {"users": list(team), "guests": [Guest.PARTICIPANT]}
        else:
            self.initial = {
                "users": [row.user_id for row in came if row.user_id],
                "guests": [row.guest for row in came if row.guest],
            }


class TimeForm(forms.Form):
    """Minutes of work. `entry` makes a double click one entry."""

    entry = forms.UUIDField(widget=forms.HiddenInput)
    on = forms.DateField(label=_("Day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    minutes = forms.IntegerField(label=_("Minutes"), validators=[_fits_a_day])
    activity = forms.ChoiceField(label=_("What for"), choices=Activity, widget=forms.RadioSelect)

    @classmethod
    def new(cls, today: date) -> "TimeForm":
        """An empty one for today."""
        return cls(initial={"entry": uuid.uuid4(), "on": today})


class ReasonForm(forms.Form):
    """Why somebody must know who this is."""

    reason = forms.CharField(
        label=_("Why do you need the name?"),
        help_text=_("Your reason is kept with your name. “Video meeting today” is enough."),
        max_length=300,
    )
