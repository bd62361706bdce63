"""Reads of the outbox and of how well it runs."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F, QuerySet

from trial.messaging.models import Heartbeat, Kind, Message, Receipt, State
from trial.messaging.texts import message_body
from trial.people.models import Participant
from trial.protocol.models import Trial

UNDELIVERED = ("undelivered", "failed")
SWEEPS = ("messages.dispatch", "messages.recover")
"""Sweeps that must run wherever messages are to go out."""


@dataclass(frozen=True)
class Said:
    """One message as its receiver saw it."""

    kind: Kind
    at: datetime
    text: str
    language: str


def messages_to(participant: Participant) -> list[Said]:
    """What the participant was sent, the latest first, without codes."""
    sent = Message.objects.filter(participant=participant, state=State.SENT).exclude(kind=Kind.CODE)
    return [
        Said(Kind(message.kind), message.sent_at, message_body(message), message.language)
        for message in sent.order_by("-sent_at", "id")
        if message.sent_at
    ]


def messages_of(participant: Participant) -> QuerySet[Message]:
    """All that was planned for the participant, the latest first, with receipts."""
    return Message.objects.filter(participant=participant).prefetch_related("receipts")


def unaccounted(trial: Trial, now: datetime) -> QuerySet[Message]:
    """Messages that were due by `now` and have neither been sent nor got a recorded reason.

    Ask with a moment some minutes ago: what is due right now is on its way.
    """
    return Message.objects.filter(
        participant__trial=trial, state__in=(State.QUEUED, State.IN_FLIGHT), try_at__lte=now
    )


def undelivered(messages: Collection[UUID]) -> dict[UUID, str]:
    """Those of the messages that never reached the phone, with the provider's code."""
    receipts = Receipt.objects.filter(message__in=messages)
    delivered = set(receipts.filter(status="delivered").values_list("message", flat=True))
    reported = receipts.filter(status__in=UNDELIVERED).values_list("message", "error_code")
    return {message: code for message, code in reported if message not in delivered}


def late_sweeps(now: datetime) -> list[str]:
    """Names of the sweeps that have stopped, or that never ran."""
    ran = set(Heartbeat.objects.values_list("name", flat=True))
    late = Heartbeat.objects.filter(at__lt=now - F("late_after")).values_list("name", flat=True)
    return sorted({*late, *(name for name in SWEEPS if name not in ran)})
