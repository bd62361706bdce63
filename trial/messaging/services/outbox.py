"""Plan messages, and take plans back."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import connection

from trial.messaging.models import REQUESTED, Kind, Message, SkipReason, State
from trial.people.identity import vault
from trial.people.models import Participant
from trial.protocol.models import ProtocolVersion

A_DAY = timedelta(days=1)

# %b: a list goes to PostgreSQL as a binary array, which is several times cheaper to write than text.
PLAN = """
INSERT INTO messaging_message
       (id, participant_id, protocol_version_id, key, kind, language, body, other_phone, due_at, try_at,
        not_after, state, attempts, skip_reason, error_code)
SELECT id, participant_id, protocol_version_id, key, kind, language, body, other_phone, due_at, due_at,
       not_after, 'queued', 0, '', ''
  FROM unnest(%b::uuid[], %b::bigint[], %b::bigint[], %b::text[], %b::text[], %b::text[], %b::bytea[],
              %b::bytea[], %b::timestamptz[], %b::timestamptz[])
    AS draft (id, participant_id, protocol_version_id, key, kind, language, body, other_phone, due_at,
              not_after)
    ON CONFLICT (participant_id, key) DO NOTHING
"""

DROP = """
UPDATE messaging_message AS message
   SET state = 'skipped', skip_reason = %s, other_phone = NULL
  FROM unnest(%b::bigint[], %b::text[]) AS dropped (participant_id, key)
 WHERE message.participant_id = dropped.participant_id AND message.key = dropped.key
   AND message.state = 'queued'
"""


@dataclass(frozen=True)
class Draft:
    """A message to be planned. Without `not_after` it may be sent until a day after `due_at`."""

    participant_id: int
    protocol_version_id: int
    """Whose words it says."""
    key: str
    kind: Kind
    body: str
    language: str
    due_at: datetime
    not_after: datetime | None = None
    to: str | None = None
    """Where a code goes that proves a new number (E.164); all else goes to the registered one."""


def enqueue(
    *,
    participant: Participant,
    protocol_version: ProtocolVersion,
    key: str,
    kind: Kind,
    body: str,
    language: str,
    due_at: datetime,
    not_after: datetime | None = None,
    to: str | None = None,
) -> Message:
    """Plan a message. What was planned under this key before stays as it is, and is returned."""
    enqueue_many(
        [Draft(participant.pk, protocol_version.pk, key, kind, body, language, due_at, not_after, to)]
    )
    return Message.objects.get(participant=participant, key=key)


def enqueue_many(drafts: Sequence[Draft]) -> int:
    """Plan messages, leaving out whatever was planned before. Returns how many are new."""
    if not drafts:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(PLAN, [list(column) for column in zip(*map(_sealed, drafts), strict=True)])
        return int(cursor.rowcount)


def _sealed(draft: Draft) -> tuple[object, ...]:
    """The columns that PLAN asks for."""
    pk = uuid4()
    return (
        pk,
        draft.participant_id,
        draft.protocol_version_id,
        draft.key,
        str(draft.kind),
        draft.language,
        _seal(draft.body, pk, "body"),
        None if draft.to is None else _seal(draft.to, pk, "other_phone"),
        draft.due_at,
        draft.not_after or draft.due_at + A_DAY,
    )


def _seal(text: str, pk: UUID, field: str) -> bytes:
    return vault.seal(text, table=Message._meta.db_table, row=pk, field=field)


def drop_queued(*, participants: Collection[int], reason: SkipReason) -> int:
    """Take back all that still waits for these participants, except what they asked for. Returns how many."""
    waiting = Message.objects.filter(state=State.QUEUED, participant__among=participants)
    return waiting.exclude(kind__in=REQUESTED).update(state=State.SKIPPED, skip_reason=reason)


def drop_planned(*, planned: Collection[tuple[int, str]], reason: SkipReason) -> int:
    """Take back those of these messages, each named by its participant's id and its key, that still wait.

    Returns how many.
    """
    if not planned:
        return 0
    participants, keys = zip(*planned, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(DROP, [reason, list(participants), list(keys)])
        return int(cursor.rowcount)
