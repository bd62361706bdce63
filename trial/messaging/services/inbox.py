"""What people send to us."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from django.db import connection

from trial.messaging.models import Inbound
from trial.people.identity import blind_index, vault
from trial.people.selectors import only_trials_by_phone_indexes

KEEP = """
INSERT INTO messaging_inbound (id, provider_id, trial_id, from_index, body, received_at)
SELECT * FROM unnest(%b::uuid[], %b::text[], %b::bigint[], %b::bytea[], %b::bytea[], %b::timestamptz[])
    ON CONFLICT (provider_id) DO NOTHING
"""

TAKE = """
UPDATE messaging_inbound SET handled_at = %s
 WHERE id = ANY(ARRAY(SELECT id FROM messaging_inbound WHERE handled_at IS NULL
                       ORDER BY received_at, id LIMIT %s FOR UPDATE SKIP LOCKED))
RETURNING *
"""


@dataclass(frozen=True)
class Incoming:
    """An SMS as it came: `sender` in E.164."""

    provider_id: str
    sender: str
    body: str
    received_at: datetime


def record_inbound_many(incoming: Sequence[Incoming]) -> None:
    """Keep incoming SMS, their texts sealed and their senders known by blind index alone.

    The same provider id twice is the same message; two equal texts are two.
    """
    if not incoming:
        return
    indexes = {one.sender: blind_index(one.sender, field="phone") for one in incoming}
    trials = only_trials_by_phone_indexes(indexes.values())
    sealed = [_sealed(one, indexes[one.sender], trials.get(indexes[one.sender])) for one in incoming]
    with connection.cursor() as cursor:
        cursor.execute(KEEP, [list(column) for column in zip(*sealed, strict=True)])


def _sealed(one: Incoming, index: bytes, trial: int | None) -> tuple[object, ...]:
    """The columns that KEEP asks for."""
    pk = uuid4()
    return (
        pk,
        one.provider_id,
        trial,
        index,
        vault.seal(one.body, table=Inbound._meta.db_table, row=pk, field="body"),
        one.received_at,
    )


def record_inbound(*, provider_id: str, sender: str, body: str, now: datetime) -> Inbound:
    """Keep one incoming SMS, and return it."""
    record_inbound_many([Incoming(provider_id, sender, body, now)])
    return Inbound.objects.get(provider_id=provider_id)


def take_inbound(*, now: datetime, limit: int = 200) -> list[Inbound]:
    """The oldest messages that nobody has handled, marked as handled.

    Call it in the transaction that handles them: if that fails, they wait again.
    """
    taken = Inbound.objects.raw(TAKE, [now, limit])
    return sorted(taken, key=lambda one: (one.received_at, one.pk))
