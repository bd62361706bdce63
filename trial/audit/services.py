"""What the trail is told; changes it hears by itself, from the database's triggers."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from time import monotonic, sleep

from django.db import connection

from trial.audit.chain import GENESIS, block_hash, digests
from trial.audit.context import current
from trial.audit.models import AuditBlock, ReadEvent
from trial.core.db import lock
from trial.core.errors import DomainError

EVENTS_PER_BLOCK = 10_000
WRITERS = """
SELECT virtualtransaction FROM pg_locks
WHERE relation = 'audit_event'::regclass AND mode = 'RowExclusiveLock'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND pid IS DISTINCT FROM pg_backend_pid()
"""


class NobodyActs(DomainError):
    """Something confidential was read outside `acting`: the programmer's mistake, never the reader's."""


def record_read(
    *, what: str, participant_study_id: str, fields: Iterable[str], reason: str, now: datetime
) -> ReadEvent:
    """Log that whoever acts reads `fields` of `what`; called before they are shown."""
    act = current()
    if not act.actor:
        raise NobodyActs(f"Nobody is acting: reading {what} refused.")
    return ReadEvent.objects.create(
        at=now,
        actor=act.actor,
        what=what,
        study_id=participant_study_id,
        fields=sorted(fields),
        reason=reason,
        request=act.request,
    )


@dataclass(frozen=True)
class Sealed:
    """What one call sealed; `complete` is False when a long transaction made it wait for the next call."""

    events: int
    blocks: int
    complete: bool


def seal_events(*, now: datetime, patience: timedelta = timedelta(seconds=2)) -> Sealed:
    """Put every event that is certain to be complete into the chain.

    An event can have a lower number than another and be committed later. So: note the last number given out,
    then who is writing events, which nobody does without a lock on their table. Once all of these have ended,
    nothing up to the number can appear any more, and what does was smuggled in.
    """
    with lock("audit-seal") as mine:
        if not mine:
            return Sealed(0, 0, complete=False)
        up_to = _last_number_given_out()
        if not _writers_end(patience):
            return Sealed(0, 0, complete=False)
        events = blocks = 0
        while block := _append_block(up_to, now):
            events += len(block.event_ids)
            blocks += 1
        return Sealed(events, blocks, complete=True)


def _last_number_given_out() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM audit_event_id_seq")
        return int(cursor.fetchone()[0])


def _writers_end(patience: timedelta) -> bool:
    """Wait until no transaction that wrote an event before this moment is still open."""
    deadline = monotonic() + patience.total_seconds()
    writers = _writers()
    while writers:
        if monotonic() >= deadline:
            return False
        sleep(0.05)
        writers &= _writers()
    return True


def _writers() -> set[str]:
    """The transactions of others that have written events and are still open."""
    with connection.cursor() as cursor:
        cursor.execute(WRITERS)
        return {transaction for (transaction,) in cursor.fetchall()}


def _append_block(up_to: int, now: datetime) -> AuditBlock | None:
    """Seal the next events up to the number `up_to`; None when there are none left."""
    head = AuditBlock.objects.order_by("-number").only("number", "up_to", "hash").first()
    found = list(islice(digests(after=head.up_to if head else None, up_to=up_to), EVENTS_PER_BLOCK))
    if not found:
        return None
    block = AuditBlock(
        number=head.number + 1 if head else 1,
        up_to=found[-1][0] if len(found) == EVENTS_PER_BLOCK else up_to,
        event_ids=[event_id for event_id, _ in found],
        digests=b"".join(digest for _, digest in found),
        previous_hash=bytes(head.hash) if head else GENESIS,
        sealed_at=now,
    )
    block.hash = block_hash(block)
    block.save(force_insert=True)
    return block
