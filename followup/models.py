"""The plan of each participant, what was asked, what came back, and why something did not.

Rows are added; only the two clocks of an occasion (`turned_at`, `remind_at`) are moved.
"""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from followup.parsing import Doubt
from trial.core.models import Model, Privacy


class Plan(Model):
    """When a participant's weeks begin, by the protocol in force when the plan was made."""

    participant = models.OneToOneField(
        "people.Participant", models.PROTECT, related_name="plan", verbose_name=_("participant")
    )
    protocol_version = models.ForeignKey(
        "protocol.ProtocolVersion", models.PROTECT, related_name="+", verbose_name=_("protocol version")
    )
    starts_on = models.DateField(_("first day of week 1"))
    """In the trial's time zone."""
    made_at = models.DateTimeField(_("made"))

    privacy = Privacy(pseudonymous=("id", "participant", "starts_on", "made_at"), open=("protocol_version",))

    class Meta:
        verbose_name = _("plan")
        verbose_name_plural = _("plans")

    def __str__(self) -> str:
        return f"{self.participant} {self.starts_on}"


class Occasion(Model):
    """One planned contact: the question about one week, or one questionnaire."""

    class Kind(models.TextChoices):
        WEEKLY = "weekly", _("weekly question")
        QUESTIONNAIRE = "questionnaire", _("questionnaire")

    participant = models.ForeignKey(
        "people.Participant", models.PROTECT, related_name="occasions", verbose_name=_("participant")
    )
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    key = models.CharField(_("occasion"), max_length=60)
    """"w01" … or the questionnaire's name in the protocol."""
    number = models.PositiveSmallIntegerField(_("week"))
    week_start = models.DateField(_("first day of the week"))
    """Of the seven days that the question is about, in the trial's time zone."""
    opens_at = models.DateTimeField(_("opens"))
    closes_at = models.DateTimeField(_("closes"))
    """A week closes when the next question is due."""
    turned_at = models.DateTimeField(_("acted upon"), null=True)
    """When it became a message or a recorded skip."""
    remind_at = models.DateTimeField(_("next look at a reminder"), null=True)
    """Nobody needs to look again where this is empty."""

    privacy = Privacy(
        pseudonymous=(
            "id",
            "participant",
            "kind",
            "key",
            "number",
            "week_start",
            "opens_at",
            "closes_at",
            "turned_at",
            "remind_at",
        )
    )

    class Meta:
        ordering = ("participant", "opens_at")
        verbose_name = _("occasion")
        verbose_name_plural = _("occasions")
        constraints = (
            models.UniqueConstraint(fields=("participant", "key"), name="occasion_once_per_participant"),
            models.UniqueConstraint(
                fields=("participant", "number"), condition=Q(kind="weekly"), name="occasion_week_once"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=("weekly", "questionnaire")), name="occasion_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(opens_at__lt=F("closes_at")), name="occasion_opens_then_closes"
            ),
            models.CheckConstraint(condition=Q(number__gte=1), name="occasion_weeks_count_from_one"),
            models.CheckConstraint(
                condition=Q(remind_at=None) | Q(turned_at__isnull=False),
                name="occasion_asks_before_reminding",
            ),
        )
        indexes = (
            models.Index(fields=("opens_at",), condition=Q(turned_at=None), name="occasion_to_turn"),
            models.Index(
                fields=("remind_at",), condition=Q(remind_at__isnull=False), name="occasion_to_remind"
            ),
        )

    def __str__(self) -> str:
        return f"{self.participant} {self.key}"


def question_key(occasion_key: str) -> str:
    """Key of the message that asks at an occasion: unique for the participant, as the occasion is."""
    return f"{occasion_key}:ask"


def reminder_key(occasion_key: str) -> str:
    """Key of the message that reminds."""
    return f"{occasion_key}:remind"


class Skip(Model):
    """Why something planned did not happen."""

    class What(models.TextChoices):
        QUESTION = "question", _("question")
        REMINDER = "reminder", _("reminder")
        ANSWER = "answer", _("answer")

    class Reason(models.TextChoices):
        PAUSED = "paused", _("on a break")
        STOPPED = "stopped", _("stopped messages")
        WITHDRAWN = "withdrawn", _("withdrew")
        DIED = "died", _("died")
        NO_PHONE = "no_phone", _("no phone number")
        NOT_AGREED = "not_agreed", _("did not agree to SMS")
        TOO_LATE = "too_late", _("too late to ask")
        UNCLEAR = "unclear", _("replied, but not clearly")
        UNDELIVERED = "undelivered", _("the question was not delivered")
        AMENDED = "amended", _("no longer in the protocol")
        LOCKED = "locked", _("the data are final")

    occasion = models.ForeignKey(Occasion, models.PROTECT, related_name="skips", verbose_name=_("occasion"))
    what = models.CharField(_("what"), max_length=20, choices=What)
    reason = models.CharField(_("reason"), max_length=20, choices=Reason)
    at = models.DateTimeField(_("at"))

    privacy = Privacy(pseudonymous=("id", "occasion", "what", "reason", "at"))

    class Meta:
        ordering = ("at", "id")
        verbose_name = _("skip")
        verbose_name_plural = _("skips")
        constraints = (
            models.UniqueConstraint(fields=("occasion", "what"), name="skip_once_per_occasion"),
            models.CheckConstraint(
                condition=Q(what__in=("question", "reminder", "answer")), name="skip_what_known"
            ),
            models.CheckConstraint(
                condition=Q(
                    reason__in=(
                        "paused",
                        "stopped",
                        "withdrawn",
                        "died",
                        "no_phone",
                        "not_agreed",
                        "too_late",
                        "unclear",
                        "undelivered",
                        "amended",
                        "locked",
                    )
                ),
                name="skip_reason_known",
            ),
        )

    def __str__(self) -> str:
        return f"{self.occasion}: {self.get_reason_display()}"


class Call(Model):
    """A coordinator called, or tried to."""

    class Outcome(models.TextChoices):
        ANSWERED = "answered", _("Talked, and got answers")
        TALKED = "talked", _("Talked, but got no answers")
        NOT_REACHED = "not_reached", _("Did not reach the participant")
        WRONG_NUMBER = "wrong_number", _("The number is wrong")

    participant = models.ForeignKey(
        "people.Participant", models.PROTECT, related_name="calls", verbose_name=_("participant")
    )
    at = models.DateTimeField(_("at"))
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("by"))
    outcome = models.CharField(_("outcome"), max_length=20, choices=Outcome)
    note = models.TextField(_("note"), blank=True)

    privacy = Privacy(health=("note",), pseudonymous=("id", "participant", "at", "outcome"), open=("by",))

    class Meta:
        ordering = ("-at", "-id")
        verbose_name = _("call")
        verbose_name_plural = _("calls")
        constraints = (
            models.CheckConstraint(
                condition=Q(outcome__in=("answered", "talked", "not_reached", "wrong_number")),
                name="call_outcome_known",
            ),
        )
        indexes = (models.Index(fields=("participant", "at"), name="call_by_participant"),)

    def __str__(self) -> str:
        return f"{self.participant}: {self.get_outcome_display()}"


class WeeklyAnswer(Model):
    """A number of days for one week. The latest row counts; a correction is a new row."""

    class Source(models.TextChoices):
        SMS = "sms", _("SMS")
        CALL = "call", _("phone call")
        WEB = "web", _("own page")
        CORRECTION = "correction", _("correction")

    occasion = models.ForeignKey(Occasion, models.PROTECT, related_name="answers", verbose_name=_("week"))
    days = models.DecimalField(_("days"), max_digits=4, decimal_places=2)
    source = models.CharField(_("source"), max_length=20, choices=Source)
    inbound = models.OneToOneField(
        "messaging.Inbound", models.PROTECT, null=True, related_name="+", verbose_name=_("reply")
    )
    call = models.ForeignKey(Call, models.PROTECT, null=True, related_name="answers", verbose_name=_("call"))
    at = models.DateTimeField(_("said at"))
    """When the participant said it, or a correction was made."""
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("by")
    )
    """Nobody where the participant answered."""
    reason = models.TextField(_("reason"), blank=True)

    privacy = Privacy(
        health=("days", "reason"),
        pseudonymous=("id", "occasion", "source", "inbound", "call", "at"),
        open=("by",),
    )

    class Meta:
        ordering = ("occasion", "at", "id")
        verbose_name = _("weekly answer")
        verbose_name_plural = _("weekly answers")
        constraints = (
            models.CheckConstraint(
                condition=Q(source__in=("sms", "call", "web", "correction")),
                name="weekly_answer_source_known",
            ),
            models.CheckConstraint(condition=Q(days__gte=0, days__lte=7), name="weekly_answer_within_a_week"),
            models.CheckConstraint(
                condition=~Q(source="sms") | Q(inbound__isnull=False), name="weekly_answer_sms_has_its_reply"
            ),
            models.CheckConstraint(
                condition=~Q(source="call") | Q(call__isnull=False, by__isnull=False),
                name="weekly_answer_call_has_its_caller",
            ),
            models.CheckConstraint(
                condition=~Q(source="correction", inbound=None) | (Q(by__isnull=False) & ~Q(reason="")),
                name="weekly_answer_correction_has_a_reason",
            ),
        )
        indexes = (models.Index(fields=("occasion", "-at", "-id"), name="weekly_answer_latest"),)

    def __str__(self) -> str:
        return f"{self.occasion}: {self.days}"


class UnclearReply(Model):
    """A reply that a coordinator must read."""

    class Why(models.TextChoices):
        EMPTY = Doubt.EMPTY.value, _("empty")
        NO_NUMBER = Doubt.NO_NUMBER.value, _("no number")
        SEVERAL_NUMBERS = Doubt.SEVERAL_NUMBERS.value, _("more than one number")
        OUT_OF_RANGE = Doubt.OUT_OF_RANGE.value, _("more days than there are")
        BETWEEN_STEPS = Doubt.BETWEEN_STEPS.value, _("a finer number than we asked for")
        PERCENT = Doubt.PERCENT.value, _("a percentage, not days")
        QUESTION = Doubt.QUESTION.value, _("a question")
        OTHER_WORDS = Doubt.OTHER_WORDS.value, _("other words")
        STOP_OR_ANSWER = Doubt.STOP_OR_ANSWER.value, _("may be about stopping")
        COURTESY = "courtesy", _("thanks or a greeting")
        SHARED_PHONE = "shared_phone", _("more than one participant has this phone")
        UNKNOWN_PHONE = "unknown_phone", _("nobody has this phone")
        NO_OPEN_QUESTION = "no_open_question", _("no question was open")
        LATE = "late", _("long after the question")

    inbound = models.OneToOneField(
        "messaging.Inbound", models.PROTECT, related_name="+", verbose_name=_("reply")
    )
    participant = models.ForeignKey(
        "people.Participant",
        models.PROTECT,
        null=True,
        related_name="unclear_replies",
        verbose_name=_("participant"),
    )
    """Nobody where the phone is unknown or shared."""
    occasion = models.ForeignKey(
        Occasion, models.PROTECT, null=True, related_name="unclear_replies", verbose_name=_("week")
    )
    why = models.CharField(_("what is unclear"), max_length=20, choices=Why)
    at = models.DateTimeField(_("received"))

    privacy = Privacy(pseudonymous=("id", "inbound", "participant", "occasion", "why", "at"))

    class Meta:
        ordering = ("at", "id")
        verbose_name = _("unclear reply")
        verbose_name_plural = _("unclear replies")
        constraints = (
            models.CheckConstraint(
                condition=Q(
                    why__in=(
                        *(doubt.value for doubt in Doubt),
                        "courtesy",
                        "shared_phone",
                        "unknown_phone",
                        "no_open_question",
                        "late",
                    )
                ),
                name="unclear_reply_why_known",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_why_display()} ({self.at:%Y-%m-%d %H:%M})"


class ReplyResolution(Model):
    """What became of an unclear reply. One per reply, so two coordinators cannot both decide."""

    class Outcome(models.TextChoices):
        DAYS = "days", _("It says how many days")
        NO_ANSWER = "no_answer", _("It is not an answer")

    unclear = models.OneToOneField(
        UnclearReply, models.PROTECT, related_name="resolution", verbose_name=_("unclear reply")
    )
    outcome = models.CharField(_("outcome"), max_length=20, choices=Outcome)
    answer = models.OneToOneField(
        WeeklyAnswer, models.PROTECT, null=True, related_name="+", verbose_name=_("answer")
    )
    reason = models.TextField(_("reason"))
    at = models.DateTimeField(_("at"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("by")
    )
    """Nobody where the system saw that nothing needs a decision, such as thanks after an answer."""

    privacy = Privacy(
        health=("reason",), pseudonymous=("id", "unclear", "outcome", "answer", "at"), open=("by",)
    )

    class Meta:
        verbose_name = _("resolution")
        verbose_name_plural = _("resolutions")
        constraints = (
            models.CheckConstraint(
                condition=Q(outcome="days", answer__isnull=False) | Q(outcome="no_answer", answer=None),
                name="resolution_days_have_an_answer",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="resolution_has_a_reason"),
        )

    def __str__(self) -> str:
        return self.get_outcome_display()
