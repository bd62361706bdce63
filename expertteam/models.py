"""The work of an expert team around one participant. What is written and signed is never overwritten."""

import uuid
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from trial.core.models import Model, Privacy
from trial.people.models import Participant
from trial.protocol.selectors import protocol_of

LONGEST_MEETING = 8 * 60
LONGEST_DAY = 24 * 60


class Case(Model):
    """A participant of the arm that gets a team. That a case exists tells the arm: no reverse relation."""

    participant = models.OneToOneField(Participant, models.PROTECT, related_name="+")
    opened_at = models.DateTimeField(_("opened"))
    protocol_version = models.ForeignKey("protocol.ProtocolVersion", models.PROTECT, related_name="+")

    privacy = Privacy(pseudonymous=("id", "participant", "opened_at"), open=("protocol_version",))

    class Meta:
        ordering = ("-opened_at", "-id")
        verbose_name = _("case")
        verbose_name_plural = _("cases")

    def __str__(self) -> str:
        return self.participant.study_id

    @property
    def time_zone(self) -> ZoneInfo:
        """Where the trial's days and hours are counted."""
        return ZoneInfo(protocol_of(self.protocol_version).time_zone)


class CaseMember(Model):
    """Somebody on the team of a case, from one day to another."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    profession = models.CharField(_("profession"), max_length=60)
    lead = models.BooleanField(_("leads the team"), default=False)
    since = models.DateTimeField(_("since"))
    until = models.DateTimeField(_("until"), null=True)

    privacy = Privacy(pseudonymous=("id", "case", "since", "until"), open=("user", "profession", "lead"))

    class Meta:
        ordering = ("since", "id")
        verbose_name = _("team member")
        verbose_name_plural = _("team members")
        constraints = (
            models.UniqueConstraint(
                fields=("case", "user"), condition=Q(until=None), name="case_member_once"
            ),
            models.UniqueConstraint(
                fields=("case",), condition=Q(until=None, lead=True), name="case_has_one_lead"
            ),
            models.CheckConstraint(
                condition=Q(until=None) | Q(until__gte=F("since")), name="case_member_ends_after_start"
            ),
        )

    def __str__(self) -> str:
        return f"{self.user}"


class Writing(Model):
    """One version of a text. Every save adds a version, so that nothing that was read can vanish."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="%(class)s_versions")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("author")
    )
    thread = models.UUIDField(_("thread"))
    version = models.PositiveIntegerField(_("version"))
    text = models.TextField(_("text"))
    written_at = models.DateTimeField(_("written"))
    signed_at = models.DateTimeField(_("signed"), null=True)

    privacy = Privacy(
        health=("text",),
        pseudonymous=("id", "case", "thread", "version", "written_at", "signed_at"),
        open=("author",),
    )

    class Meta:
        abstract = True
        ordering = ("written_at", "id")

    def __str__(self) -> str:
        return f"{self.case} {self.version}"


class Note(Writing):
    """What a team member wrote for the team, signed in the moment it is saved."""

    class Meta(Writing.Meta):
        verbose_name = _("note")
        verbose_name_plural = _("notes")
        constraints = (
            models.UniqueConstraint(fields=("case", "thread", "version"), name="note_version_once"),
            models.CheckConstraint(condition=Q(version__gte=1), name="note_versions_from_one"),
            models.CheckConstraint(condition=Q(signed_at__isnull=False), name="note_is_signed"),
        )


class Advice(Writing):
    """What the team tells the participant: drafts, then a signed version that the participant reads."""

    class Meta(Writing.Meta):
        verbose_name = _("advice")
        verbose_name_plural = _("advice")
        constraints = (
            models.UniqueConstraint(fields=("case", "thread", "version"), name="advice_version_once"),
            models.CheckConstraint(condition=Q(version__gte=1), name="advice_versions_from_one"),
        )


class Meeting(Model):
    """A video meeting of team, participant and guests. One that is moved is cancelled and planned anew."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="meetings")
    starts_at = models.DateTimeField(_("starts"))
    minutes = models.PositiveSmallIntegerField(_("minutes"))
    video_url = models.URLField(_("video link"), max_length=500)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    made_at = models.DateTimeField(_("made"))
    cancelled_at = models.DateTimeField(_("cancelled"), null=True)
    attendance_at = models.DateTimeField(_("attendance recorded"), null=True)
    """When it was last recorded who came; without it, nobody is known to have come or to have stayed away."""

    privacy = Privacy(
        pseudonymous=(
            *("id", "case", "starts_at", "minutes", "video_url"),
            *("made_at", "cancelled_at", "attendance_at"),
        ),
        open=("by",),
    )

    class Meta:
        ordering = ("starts_at", "id")
        verbose_name = _("meeting")
        verbose_name_plural = _("meetings")
        constraints = (
            models.UniqueConstraint(
                fields=("case", "starts_at"), condition=Q(cancelled_at=None), name="meeting_once_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(minutes__gte=5, minutes__lte=LONGEST_MEETING), name="meeting_lasts_some_minutes"
            ),
            models.CheckConstraint(
                condition=Q(video_url__startswith="https://"), name="meeting_link_is_encrypted"
            ),
        )

    def __str__(self) -> str:
        return f"{self.case} {self.starts_at:%Y-%m-%d %H:%M}"


class Guest(models.TextChoices):
    """Who may be at a meeting beside the team."""

    PARTICIPANT = "participant", _("The participant")
    GP = "gp", _("The participant's GP")
    EMPLOYER = "employer", _("The employer")
    RELATIVE = "relative", _("A relative")
    INTERPRETER = "interpreter", _("An interpreter")


class MeetingAttendance(Model):
    """That somebody was at a meeting: a team member or a guest."""

    meeting = models.ForeignKey(Meeting, models.PROTECT, related_name="attendance")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    guest = models.CharField(_("guest"), max_length=20, choices=Guest, blank=True)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("recorded by")
    )
    recorded_at = models.DateTimeField(_("recorded"))

    privacy = Privacy(pseudonymous=("id", "meeting", "guest", "recorded_at"), open=("user", "recorded_by"))

    class Meta:
        ordering = ("id",)
        verbose_name = _("attendance")
        verbose_name_plural = _("attendance")
        constraints = (
            models.CheckConstraint(
                condition=Q(user__isnull=False, guest="") | Q(user=None, guest__in=Guest.values),
                name="attendance_of_member_or_guest",
            ),
            models.UniqueConstraint(
                fields=("meeting", "user"), condition=Q(user__isnull=False), name="attendance_member_once"
            ),
            models.UniqueConstraint(
                fields=("meeting", "guest"), condition=~Q(guest=""), name="attendance_guest_once"
            ),
        )

    def __str__(self) -> str:
        return str(self.user) if self.user_id else self.get_guest_display()


class Activity(models.TextChoices):
    """What the team's time goes to."""

    PREPARATION = "preparation", _("Preparation")
    MEETING = "meeting", _("Meeting")
    PARTICIPANT = "participant", _("Contact with the participant")
    OTHERS = "others", _("Contact with others")
    WRITING = "writing", _("Notes and advice")


class TimeEntry(Model):
    """Minutes that a team member worked on a case; what the intervention costs is counted from these."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, models.PROTECT, related_name="time_entries")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    on = models.DateField(_("day"))
    minutes = models.PositiveSmallIntegerField(_("minutes"))
    activity = models.CharField(_("activity"), max_length=20, choices=Activity)
    entered_at = models.DateTimeField(_("entered"))

    privacy = Privacy(pseudonymous=("id", "case", "on", "minutes", "activity", "entered_at"), open=("user",))

    class Meta:
        ordering = ("on", "entered_at")
        verbose_name = _("time entry")
        verbose_name_plural = _("time entries")
        constraints = (
            models.CheckConstraint(
                condition=Q(minutes__gte=1, minutes__lte=LONGEST_DAY), name="time_entry_fits_a_day"
            ),
            models.CheckConstraint(
                condition=Q(activity__in=Activity.values), name="time_entry_activity_known"
            ),
        )

    def __str__(self) -> str:
        return f"{self.case} {self.on} {self.minutes}"
