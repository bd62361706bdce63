"""The outbox, what the provider says about it, and the inbox."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from trial.core.models import Model, Privacy


class Kind(models.TextChoices):
    """What a message is for."""

    WEEKLY = "weekly", _("Weekly question")
    WEEKLY_REMINDER = "weekly_reminder", _("Reminder of the weekly question")
    THANKS = "thanks", _("Thanks for the answer")
    UNCLEAR = "unclear", _("We could not read the answer")
    QUESTIONNAIRE = "questionnaire", _("Questionnaire")
    QUESTIONNAIRE_REMINDER = "questionnaire_reminder", _("Reminder of the questionnaire")
    ADVICE = "advice", _("The advice is ready")
    CODE = "code", _("Code to log in or to come back")
    STOP_CONFIRMATION = "stop_confirmation", _("Confirmation of STOP")
    RESUME_CONFIRMATION = "resume_confirmation", _("Confirmation of START")


REQUESTED = frozenset({Kind.CODE, Kind.STOP_CONFIRMATION, Kind.RESUME_CONFIRMATION})
"""The participant asked for these a moment ago: neither a STOP nor a pause holds them back."""

AT_ANY_HOUR = REQUESTED | {Kind.THANKS, Kind.UNCLEAR}
"""These answer the participant, who is awake: quiet hours do not hold them back."""


class State(models.TextChoices):
    QUEUED = "queued", _("Waiting")
    IN_FLIGHT = "in_flight", _("Being sent")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Refused by the provider")
    SKIPPED = "skipped", _("Not sent")


class SkipReason(models.TextChoices):
    """Why a planned message was never sent."""

    DIED = "died", _("The participant died")
    WITHDRAWN = "withdrawn", _("The participant withdrew")
    STOPPED = "stopped", _("The participant stopped messages")
    PAUSED = "paused", _("The participant takes a break")
    NO_PHONE = "no_phone", _("No phone number")
    TOO_LATE = "too_late", _("It could not be sent in time")
    NOT_NEEDED = "not_needed", _("It was no longer needed")


class Message(Model):
    """One planned SMS to one participant. It ends as sent, or with the reason why it was not.

    queued → in_flight → sent | failed; queued → skipped. A message whose sending was interrupted stays in
    flight until the provider has told whether it took it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    participant = models.ForeignKey(
        "people.Participant", models.PROTECT, related_name="messages", verbose_name=_("participant")
    )
    protocol_version = models.ForeignKey(
        "protocol.ProtocolVersion", models.PROTECT, related_name="+", verbose_name=_("protocol version")
    )
    """Whose words it says."""
    key = models.CharField(_("key"), max_length=80)
    """What it is about, such as `w05:ask`; the same thing is never said twice."""
    kind = models.CharField(_("kind"), max_length=30, choices=Kind)
    language = models.CharField(_("language"), max_length=3)
    body = models.BinaryField(_("text"))
    due_at = models.DateTimeField(_("due"))
    not_after = models.DateTimeField(_("not after"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.QUEUED)
    try_at = models.DateTimeField(_("next try"))
    """When the sweep looks at it: `due_at`, later after quiet hours or a refusal for now."""
    attempts = models.PositiveSmallIntegerField(_("tries"), default=0)
    claimed_at = models.DateTimeField(_("taken for sending"), null=True)
    recipient = models.BinaryField(_("phone"), null=True)
    """The number, while in flight: if in doubt, the provider is asked about this one."""
    other_phone = models.BinaryField(_("new phone"), null=True)
    """Where a code goes that proves a new number before it is the registered one; kept until it has gone."""
    provider_id = models.CharField(_("provider's id"), max_length=64, null=True, unique=True)  # noqa: DJ001 - unique
    sent_at = models.DateTimeField(_("sent"), null=True)
    skip_reason = models.CharField(_("why it was not sent"), max_length=20, choices=SkipReason, blank=True)
    error_code = models.CharField(_("error code"), max_length=20, blank=True)
    """The provider's code, or ours, of the latest failed try."""

    sealed: ClassVar[tuple[str, ...]] = ("body", "recipient", "other_phone")
    audit_redact = sealed
    privacy = Privacy(
        identity=("recipient", "other_phone"),
        health=("body",),
        pseudonymous=(
            "id",
            "participant",
            "protocol_version",
            "key",
            "kind",
            "due_at",
            "not_after",
            "state",
            "try_at",
            "attempts",
            "claimed_at",
            "provider_id",
            "sent_at",
            "skip_reason",
            "error_code",
        ),
        open=("language",),
    )

    class Meta:
        ordering = ("-due_at", "id")
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        constraints = (
            models.UniqueConstraint(fields=("participant", "key"), name="message_said_once"),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="message_kind_is_known"),
            models.CheckConstraint(
                condition=Q(not_after__gte=F("due_at")), name="message_has_time_to_be_sent"
            ),
            models.CheckConstraint(
                condition=Q(state=State.QUEUED, recipient=None)
                | Q(state=State.IN_FLIGHT, recipient__isnull=False, claimed_at__isnull=False)
                | Q(state=State.SENT, recipient=None, sent_at__isnull=False, provider_id__isnull=False)
                | (Q(state=State.FAILED, recipient=None) & ~Q(error_code=""))
                | (Q(state=State.SKIPPED, recipient=None) & Q(skip_reason__in=SkipReason.values)),
                name="message_state_has_its_facts",
            ),
            models.CheckConstraint(
                condition=Q(other_phone=None) | Q(state__in=(State.QUEUED, State.IN_FLIGHT), kind=Kind.CODE),
                name="message_other_phone_is_for_a_code",
            ),
            models.CheckConstraint(
                condition=Q(state=State.SENT) | Q(sent_at=None, provider_id=None), name="message_sent_once"
            ),
        )
        indexes = (
            models.Index(fields=("try_at", "id"), condition=Q(state=State.QUEUED), name="message_to_send"),
            models.Index(
                fields=("claimed_at",), condition=Q(state=State.IN_FLIGHT), name="message_in_flight"
            ),
        )

    def __str__(self) -> str:
        return f"{self.key}: {self.get_state_display()}"


class Receipt(Model):
    """One status of a sent message, as the provider reported it: in any order, and more than once."""

    message = models.ForeignKey(Message, models.PROTECT, related_name="receipts", verbose_name=_("message"))
    status = models.CharField(_("status"), max_length=30)
    error_code = models.CharField(_("error code"), max_length=20, blank=True)
    at = models.DateTimeField(_("reported"))

    privacy = Privacy(pseudonymous=("id", "message", "status", "error_code", "at"))

    class Meta:
        ordering = ("at", "id")
        verbose_name = _("receipt")
        verbose_name_plural = _("receipts")
        constraints = (models.UniqueConstraint(fields=("message", "status"), name="receipt_once_per_status"),)

    def __str__(self) -> str:
        return self.status


class Inbound(Model):
    """One SMS that somebody sent to us."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    provider_id = models.CharField(_("provider's id"), max_length=64, unique=True)
    trial = models.ForeignKey(
        "protocol.Trial", models.PROTECT, null=True, related_name="+", verbose_name=_("trial")
    )
    """The only trial that knows the sender's phone; none where no trial or several do."""
    from_index = models.BinaryField(_("fingerprint of the phone"))
    body = models.BinaryField(_("text"))
    received_at = models.DateTimeField(_("received"))
    handled_at = models.DateTimeField(_("handled"), null=True)

    sealed: ClassVar[tuple[str, ...]] = ("body",)
    audit_redact = (*sealed, "from_index")
    privacy = Privacy(
        identity=("from_index",),
        health=("body",),
        pseudonymous=("id", "provider_id", "received_at", "handled_at"),
        open=("trial",),
    )

    class Meta:
        ordering = ("-received_at", "id")
        verbose_name = _("incoming message")
        verbose_name_plural = _("incoming messages")
        indexes = (
            models.Index(fields=("received_at",), condition=Q(handled_at=None), name="inbound_to_handle"),
        )

    def __str__(self) -> str:
        return self.provider_id


class Heartbeat(Model):
    """When a sweep last ran to its end. A sweep that is late has stopped."""

    name = models.CharField(_("sweep"), max_length=60, primary_key=True)
    at = models.DateTimeField(_("last ran"))
    late_after = models.DurationField(_("late after"))

    audited = False
    privacy = Privacy(open=("name", "at", "late_after"))

    class Meta:
        ordering = ("name",)
        verbose_name = _("sweep")
        verbose_name_plural = _("sweeps")

    def __str__(self) -> str:
        return self.name
