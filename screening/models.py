"""From the first eligibility question to a verified participant.

Whoever does not fit leaves no answers and no identity behind: the database refuses a failed attempt that
still has them, and the audit trail never receives an attempt's answers.
"""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from trial.core.models import Model, Privacy


class Attempt(Model):
    """One visitor's way through the eligibility questions, by an unguessable id in the visitor's session."""

    class Outcome(models.TextChoices):
        ELIGIBLE = "eligible", _("Fits")
        NOT_ELIGIBLE = "not_eligible", _("Does not fit")
        ALREADY_IN = "already_in", _("Takes part already")

    privacy = Privacy(
        health=("answers",),
        pseudonymous=(
            "id",
            "participant",
            "started_at",
            "decided_at",
            "outcome",
            "restarts",
            "confirmed_at",
            "forgotten_at",
        ),
        open=("trial", "protocol_version", "site", "language"),
    )
    audit_redact = ("answers",)
    """The trail cannot be edited, so what is to be forgotten never enters it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    trial = models.ForeignKey("protocol.Trial", models.PROTECT, related_name="attempts")
    protocol_version = models.ForeignKey("protocol.ProtocolVersion", models.PROTECT, related_name="+")
    site = models.ForeignKey("people.Site", models.PROTECT, null=True, related_name="+")
    """Where the visitor came from, if the address named a site."""
    language = models.CharField(max_length=3)
    answers = models.JSONField(default=dict)
    started_at = models.DateTimeField(_("begun"))
    decided_at = models.DateTimeField(_("decided"), null=True)
    outcome = models.CharField(max_length=20, choices=Outcome, blank=True)
    restarts = models.PositiveSmallIntegerField(_("times begun again"), default=0)
    """How often the visitor began again after not fitting. Counted as one person assessed."""
    participant = models.OneToOneField(
        "people.Participant", models.PROTECT, null=True, related_name="attempt"
    )
    confirmed_at = models.DateTimeField(_("phone confirmed"), null=True)
    """When a code sent to the participant's phone came back."""
    forgotten_at = models.DateTimeField(_("answers deleted"), null=True)
    """When the answers of a visitor who never came back were deleted."""

    class Meta:
        verbose_name = _("eligibility check")
        verbose_name_plural = _("eligibility checks")
        constraints = (
            models.CheckConstraint(
                condition=Q(outcome="", decided_at=None) | (~Q(outcome="") & Q(decided_at__isnull=False)),
                name="attempt_decided_has_an_outcome",
            ),
            models.CheckConstraint(
                condition=Q(outcome__in=("", "eligible", "not_eligible", "already_in")),
                name="attempt_outcome_known",
            ),
            models.CheckConstraint(
                condition=~Q(outcome__in=("not_eligible", "already_in")) | Q(answers={}, participant=None),
                name="attempt_that_failed_keeps_nothing",
            ),
            models.CheckConstraint(
                condition=Q(participant=None) | Q(outcome="eligible"),
                name="attempt_registers_only_the_eligible",
            ),
            models.CheckConstraint(
                condition=Q(forgotten_at=None) | Q(answers={}, participant=None),
                name="attempt_forgotten_keeps_nothing",
            ),
        )
        indexes = (models.Index(fields=("trial", "outcome"), name="attempt_by_trial"),)

    def __str__(self) -> str:
        return f"{self.trial}: {self.outcome or 'open'}"


class ScreenFailure(Model):
    """One reason why somebody could not take part. Nothing else is kept of them."""

    privacy = Privacy(open=("id", "attempt", "trial", "protocol_version", "site", "criterion", "on"))

    attempt = models.ForeignKey(
        Attempt, models.PROTECT, related_name="failures", verbose_name=_("eligibility check")
    )
    trial = models.ForeignKey("protocol.Trial", models.PROTECT, related_name="+")
    protocol_version = models.ForeignKey("protocol.ProtocolVersion", models.PROTECT, related_name="+")
    site = models.ForeignKey("people.Site", models.PROTECT, null=True, related_name="+")
    criterion = models.CharField(_("criterion"), max_length=60)
    on = models.DateField(_("day"))

    class Meta:
        verbose_name = _("reason not to fit")
        verbose_name_plural = _("reasons not to fit")
        constraints = (
            models.UniqueConstraint(fields=("attempt", "criterion"), name="screen_failure_reason_once"),
        )
        indexes = (models.Index(fields=("trial", "criterion"), name="screen_failure_by_trial"),)

    def __str__(self) -> str:
        return self.criterion


class Consent(Model):
    """Somebody agreed to exactly this text, at this time, by typing their name.

    Waits for its participant between the consent page and registration; deleted if nobody comes.
    """

    privacy = Privacy(
        identity=("name",),
        pseudonymous=("id", "participant", "attempt", "given_at"),
        open=("protocol_version", "version", "language", "text_sha256"),
    )
    sealed = ("name",)
    audit_redact = ("name",)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    attempt = models.OneToOneField(
        Attempt, models.PROTECT, null=True, related_name="consent", verbose_name=_("eligibility check")
    )
    participant = models.ForeignKey("people.Participant", models.PROTECT, null=True, related_name="consents")
    protocol_version = models.ForeignKey("protocol.ProtocolVersion", models.PROTECT, related_name="+")
    version = models.CharField(_("version"), max_length=40)
    language = models.CharField(max_length=3)
    text_sha256 = models.CharField(_("fingerprint of the text"), max_length=64)
    """Over the canonical form of what was shown; see `screening.document`."""
    name = models.BinaryField(null=True)
    given_at = models.DateTimeField(_("given"))

    class Meta:
        ordering = ("given_at",)
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        constraints = (
            models.UniqueConstraint(fields=("participant", "version"), name="consent_once_per_version"),
            models.CheckConstraint(
                condition=Q(participant__isnull=False) | Q(attempt__isnull=False), name="consent_is_somebodys"
            ),
            models.CheckConstraint(
                condition=Q(text_sha256__regex=r"^[0-9a-f]{64}$"), name="consent_text_sha256"
            ),
        )

    def __str__(self) -> str:
        return f"{self.participant or self.attempt_id}: {self.version}"


class ConsentTick(Model):
    """One of the separate things agreed to, or not."""

    privacy = Privacy(pseudonymous=("id", "consent", "key", "given"))

    consent = models.ForeignKey(Consent, models.CASCADE, related_name="ticks", verbose_name=_("consent"))
    key = models.CharField(_("part of the consent"), max_length=60)
    given = models.BooleanField(_("said yes"))

    class Meta:
        ordering = ("id",)
        verbose_name = _("part of a consent")
        verbose_name_plural = _("parts of a consent")
        constraints = (models.UniqueConstraint(fields=("consent", "key"), name="consent_tick_once"),)

    def __str__(self) -> str:
        return f"{self.key}: {self.given}"


class Verification(Model):
    """A coordinator's word on the criteria that a person must check. The latest row counts."""

    privacy = Privacy(
        health=("decisions", "reason", "eligible"), pseudonymous=("id", "participant", "at"), open=("by",)
    )

    participant = models.ForeignKey("people.Participant", models.PROTECT, related_name="verifications")
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    eligible = models.BooleanField(_("fits"))
    decisions = models.JSONField(_("does not stand in the way"))
    """By criterion: true where it does not stand in the way."""
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ("id",)
        verbose_name = _("verification")
        verbose_name_plural = _("verifications")

    def __str__(self) -> str:
        return f"{self.participant}: {self.eligible}"
