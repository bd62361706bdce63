"""Plan messages, and take plans back."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from trial.messaging.models import REQUESTED, Kind, Message, SkipReason, State
from trial.people.identity import vault
from trial.people.models import Participant

A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Draft:
    """A message to be planned. Without `not_after` it may be sent until a day after `due_at`."""

    participant_id: int
    key: str
    kind: Kind
    body: str
    language: str
    due_at: datetime
    not_after: datetime | None = None
    to: str | None = None
    """Where a code goes that proves a new number (E.164); all else goes to the registered one."""


@transaction.atomic
def enqueue(
    *,
    participant: Participant,
    key: str,
    kind: Kind,
    body: str,
    language: str,
    due_at: datetime,
    not_after: datetime | None = None,
    to: str | None = None,
) -> Message:
    """Plan a message. What was planned under this key before stays as it is, and is returned."""
    enqueue_many([Draft(participant.pk, key, kind, body, language, due_at, not_after, to)])
    return Message.objects.get(participant=participant, key=key)


@transaction.atomic
def enqueue_many(drafts: Sequence[Draft]) -> int:
    """Plan messages, leaving out whatever was planned before. Returns how many are new."""
    messages = [_sealed(draft) for draft in drafts]
    Message.objects.bulk_create(messages, ignore_conflicts=True, batch_size=1000)
    return Message.objects.filter(pk__in=[message.pk for message in messages]).count()


@transaction.atomic
def drop_queued(
    *, participants: Collection[int], reason: SkipReason, keys: Collection[str] | None = None
) -> int:
    """Take back what still waits for these participants (under these keys), except what they asked for.

    Returns how many.
    """
    waiting = Message.objects.filter(state=State.QUEUED, participant__in=participants)
    if keys is not None:
        waiting = waiting.filter(key__in=keys)
    return waiting.exclude(kind__in=REQUESTED).update(state=State.SKIPPED, skip_reason=reason)


def _sealed(draft: Draft) -> Message:
    message = Message(
        participant_id=draft.participant_id,
        key=draft.key,
        kind=draft.kind,
        language=draft.language,
        due_at=draft.due_at,
        try_at=draft.due_at,
        not_after=draft.not_after or draft.due_at + A_DAY,
    )
    vault.seal_into(message, "body", draft.body)
    if draft.to is not None:
        vault.seal_into(message, "other_phone", draft.to)
    return message
