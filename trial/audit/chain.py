"""How the trail is sealed: one digest per event, one hash per block, each block holding the one before.

Whoever holds the head (`number:hash`) of a chain can prove later that nothing before it was touched.
Encoding: every value as a netstring (`length:bytes,`; an absent value is `-,`), times in microseconds since
1970 UTC, JSON as PostgreSQL writes `jsonb`. Hashes are SHA-256.
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from django.db import transaction
from django.db.models import TextField
from django.db.models.functions import Cast

from trial.audit.models import AuditBlock, AuditEvent

DIGEST_SIZE = 32
GENESIS = bytes(DIGEST_SIZE)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COLUMNS = (
    "id",
    "at",
    "transaction",
    "actor",
    "reason",
    "request",
    "table_name",
    "row_id",
    "action",
    Cast("old", TextField()),
    Cast("new", TextField()),
)

Value = str | int | bytes | datetime | None


def encode(values: Iterable[Value]) -> bytes:
    """The values one after another, so that no two different sequences have the same bytes."""
    return b"".join(_netstring(value) for value in values)


def _netstring(value: Value) -> bytes:
    if value is None:
        return b"-,"
    if isinstance(value, datetime):
        value = (value - EPOCH) // timedelta(microseconds=1)
    data = value if isinstance(value, bytes) else str(value).encode()
    return b"%d:%s," % (len(data), data)


def digests(*, after: int | None = None, up_to: int | None = None) -> Iterator[tuple[int, bytes]]:
    """(id, digest) of every event with after < id ≤ up_to, in order, in constant memory."""
    events = AuditEvent.objects.order_by("id")
    if after is not None:
        events = events.filter(id__gt=after)
    if up_to is not None:
        events = events.filter(id__lte=up_to)
    for row in events.values_list(*COLUMNS).iterator(chunk_size=2000):
        yield row[0], hashlib.sha256(encode(row)).digest()


def block_hash(block: AuditBlock) -> bytes:
    ids = struct.pack(f">{len(block.event_ids)}q", *block.event_ids)
    values = (
        block.number,
        block.up_to,
        bytes(block.previous_hash),
        ids,
        bytes(block.digests),
        block.sealed_at,
    )
    return hashlib.sha256(encode(values)).digest()


@dataclass(frozen=True)
class Verdict:
    """What `verify` found; `problem` names the first bad row, or is None."""

    blocks: int
    events: int
    unsealed: int
    problem: str | None


class _Broken(Exception):
    """The message says which row is wrong."""


@transaction.atomic
def verify(*, heads: Mapping[str, str] = MappingProxyType({})) -> Verdict:
    """Compare every sealed event with its digest and every block with the one before.

    `heads` are `number:hash` kept elsewhere, each with where it was kept: by them, blocks that were cut off
    the end or made anew are found too.
    """
    last = AuditBlock.objects.order_by("-number").values_list("number", flat=True).first() or 0
    walk, noted = _Walk(digests()), _by_number(heads)
    try:
        for block in AuditBlock.objects.filter(number__lte=last).order_by("number").iterator(chunk_size=4):
            walk.block(block)
            _compare(block, noted.pop(block.number, {}))
        if noted:
            head, source = noted[max(noted)].popitem()
            raise _Broken(
                f"block {last + 1} and what follows it were cut off: the head was {head} ({source})"
            )
    except _Broken as broken:
        return Verdict(walk.number, walk.events, 0, str(broken))
    return Verdict(walk.number, walk.events, walk.rest(), None)


def number_of(head: str) -> int:
    """The number of the block that is the head."""
    return int(head.partition(":")[0])


def _by_number(heads: Mapping[str, str]) -> dict[int, dict[str, str]]:
    noted: dict[int, dict[str, str]] = {}
    for head, source in heads.items():
        noted.setdefault(number_of(head), {})[head] = source
    return noted


def _compare(block: AuditBlock, noted: Mapping[str, str]) -> None:
    for head, source in noted.items():
        if head != str(block):
            raise _Broken(
                f"block {block.number} was replaced: its head was {head} ({source}), now it is {block}"
            )


class _Walk:
    """Follows blocks and events side by side."""

    def __init__(self, events: Iterator[tuple[int, bytes]]) -> None:
        self._events = events
        self._next = next(events, None)
        self._hash = GENESIS
        self._up_to = 0
        self.number = 0
        self.events = 0

    def block(self, block: AuditBlock) -> None:
        """Check one block and the events that it seals."""
        self._check_link(block)
        sealed = bytes(block.digests)
        for place, event_id in enumerate(block.event_ids):
            self._check_event(event_id, sealed[place * DIGEST_SIZE : (place + 1) * DIGEST_SIZE])
        if self._next and self._next[0] <= block.up_to:
            raise _Broken(f"event {self._next[0]} was inserted after block {block.number} was sealed")
        self.number, self._up_to, self._hash = block.number, block.up_to, bytes(block.hash)

    def _check_link(self, block: AuditBlock) -> None:
        if block.number != self.number + 1:
            raise _Broken(f"block {self.number + 1} was deleted")
        if bytes(block.previous_hash) != self._hash:
            raise _Broken(f"block {block.number} does not follow block {self.number}")
        if bytes(block.hash) != block_hash(block):
            raise _Broken(f"block {block.number} was altered")

    def _check_event(self, event_id: int, digest: bytes) -> None:
        if self._next is None or self._next[0] > event_id:
            raise _Broken(f"event {event_id} was deleted")
        if self._next[0] < event_id:
            raise _Broken(f"event {self._next[0]} was inserted into the sealed past")
        if self._next[1] != digest:
            raise _Broken(f"event {event_id} was altered")
        self.events += 1
        self._next = next(self._events, None)

    def rest(self) -> int:
        """How many events wait for the next block."""
        return (self._next is not None) + sum(1 for _ in self._events)
