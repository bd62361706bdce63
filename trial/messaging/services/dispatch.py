"""Send what is due. Record, claim, act: a claim is committed before the provider hears of the message."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, TypeAlias
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F

from trial.core.db import rows
from trial.messaging import quiet
from trial.messaging.gateways import Gateway, InDoubt, Refused, Sent, TryLater
from trial.messaging.models import AT_ANY_HOUR, REQUESTED, Message, SkipReason, State
from trial.messaging.services.receipts import record_accepted
from trial.people.facts import Barrier
from trial.people.identity import vault
from trial.people.selectors import contact_barriers
from trial.people.services import phones_for_sending
from trial.protocol.schema import Protocol
from trial.protocol.selectors import active_protocols

SWEEP_SECONDS = 60
"""No send starts later than this after its claim, so a claim left alone for long was abandoned."""

RECORD_EVERY_SECONDS = 0.05
"""Many sends are recorded at once; after a kill the provider is asked about those of the last moment."""

TABLE = Message._meta.db_table
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=1)

DUE = """
SELECT message.id, message.participant_id, participant.trial_id, message.kind, message.body,
       message.other_phone, message.not_after, message.attempts
  FROM messaging_message AS message
  JOIN people_participant AS participant ON participant.id = message.participant_id
 WHERE message.state = 'queued' AND message.try_at <= %(now)s
 ORDER BY message.try_at, message.id
 LIMIT %(size)s
   FOR NO KEY UPDATE OF message SKIP LOCKED
"""

CLAIM = """
UPDATE messaging_message AS message
   SET state = 'in_flight', claimed_at = %s, attempts = attempts + 1, recipient = claimed.recipient
  FROM unnest(%b::uuid[], %b::bytea[]) AS claimed (id, recipient)
 WHERE message.id = claimed.id
"""


@dataclass
class Counts:
    """What a sweep did."""

    sent: int = 0
    failed: int = 0
    skipped: int = 0
    postponed: int = 0
    put_back: int = 0
    in_doubt: int = 0


class Due(NamedTuple):
    """A waiting message, as DUE reads it."""

    id: UUID
    participant: int
    trial: int
    kind: str
    body: bytes
    other_phone: bytes | None
    not_after: datetime
    attempts: int

    def open_(self, field: str) -> str:
        """The text sealed in `body` or `other_phone`."""
        return vault.open_(getattr(self, field), table=TABLE, row=self.id, field=field)


@dataclass(frozen=True)
class Letter:
    """A claimed message, opened."""

    message_id: UUID
    to: str
    body: str
    attempt: int


class NotTried:
    """The sweep ended before this letter's turn."""


Outcome: TypeAlias = Sent | Refused | TryLater | InDoubt | NotTried


def dispatch_due(*, gateway: Gateway, now: datetime, batch: int = 100) -> Counts:
    """Send every message that is due, claimed batch by batch; any number of workers may do so at once.

    Whether we may still contact each participant, quiet hours and lateness are looked at anew. Call it
    outside any transaction, with a `now` just taken. It ends after a minute, or when the provider says so.
    """
    sweep = _Sweep(gateway, now)
    with ThreadPoolExecutor(gateway.at_once, "send") as pool:
        try:
            while not sweep.over() and sweep.next_batch(batch, pool):
                pass
        finally:
            sweep.halted.set()
    return sweep.counts


class _Sweep:
    def __init__(self, gateway: Gateway, now: datetime) -> None:
        self.gateway, self.now = gateway, now
        self.counts = Counts()
        self.halted = threading.Event()
        self._ends = time.monotonic() + SWEEP_SECONDS
        self._protocols: dict[int, Protocol] = {}

    def over(self) -> bool:
        return self.halted.is_set() or time.monotonic() > self._ends

    def next_batch(self, size: int, pool: ThreadPoolExecutor) -> bool:
        """Claim and send; False when no more is due."""
        looked_at, letters = self._claim(size)
        under_way = {pool.submit(self._send, letter): letter for letter in letters}
        while under_way:
            done, _ = wait(under_way, timeout=RECORD_EVERY_SECONDS)
            self._record([(under_way.pop(future), future.result()) for future in done])
        return looked_at == size

    def _send(self, letter: Letter) -> Outcome:
        """Runs in a thread: no database here."""
        if self.over():
            return NotTried()
        try:
            return self.gateway.send(message_id=letter.message_id, to=letter.to, body=letter.body)
        except TryLater as error:
            self.halted.set()
            return error
        except (Refused, InDoubt) as error:
            return error

    @transaction.atomic
    def _claim(self, size: int) -> tuple[int, list[Letter]]:
        due = rows(Due, DUE, {"now": self.now, "size": size})
        return len(due), self._claimed(due) if due else []

    def _claimed(self, due: Sequence[Due]) -> list[Letter]:
        people = {message.participant for message in due}
        barriers = contact_barriers(people, self.now)
        phones = phones_for_sending(people)
        letters: list[Letter] = []
        skipped: dict[SkipReason, list[UUID]] = defaultdict(list)
        postponed: dict[datetime, list[UUID]] = defaultdict(list)
        for message in due:
            person = message.participant
            to = message.open_("other_phone") if message.other_phone else phones.get(person, "")
            allowed_at = self._allowed_at(message)
            if reason := _skip_reason(message, barriers.get(person), to, allowed_at):
                skipped[reason].append(message.id)
            elif allowed_at > self.now:
                postponed[allowed_at].append(message.id)
            else:
                letters.append(Letter(message.id, to, message.open_("body"), message.attempts + 1))
        if letters:
            self._write_claim(letters)
        for reason, ids in skipped.items():
            never = Message.objects.filter(pk__among=ids)
            self.counts.skipped += never.update(state=State.SKIPPED, skip_reason=reason, other_phone=None)
        for allowed_at, ids in postponed.items():
            self.counts.postponed += Message.objects.filter(pk__among=ids).update(try_at=allowed_at)
        return letters

    def _allowed_at(self, message: Due) -> datetime:
        if message.kind in AT_ANY_HOUR:
            return self.now
        return quiet.next_allowed(self._protocol(message.trial), self.now)

    def _protocol(self, trial: int) -> Protocol:
        if trial not in self._protocols:
            self._protocols |= active_protocols([trial])
        return self._protocols[trial]

    def _write_claim(self, letters: Iterable[Letter]) -> None:
        recipients = {
            letter.message_id: vault.seal(letter.to, table=TABLE, row=letter.message_id, field="recipient")
            for letter in letters
        }
        with connection.cursor() as cursor:
            cursor.execute(CLAIM, [self.now, list(recipients), list(recipients.values())])

    @transaction.atomic
    def _record(self, outcomes: list[tuple[Letter, Outcome]]) -> None:
        accepted: dict[UUID, str] = {}
        for letter, outcome in outcomes:
            if isinstance(outcome, Sent):
                accepted[letter.message_id] = outcome.provider_id
            else:
                self._record_not_sent(letter, outcome)
        if accepted:
            record_accepted(provider_ids=accepted, now=self.now)
            self.counts.sent += len(accepted)

    def _record_not_sent(self, letter: Letter, outcome: Refused | TryLater | InDoubt | NotTried) -> None:
        # A callback may have told meanwhile that the provider took it; then there is nothing to write.
        in_flight = Message.objects.filter(pk=letter.message_id, state=State.IN_FLIGHT)
        match outcome:
            case Refused(code=code):
                self.counts.failed += in_flight.update(
                    state=State.FAILED, error_code=code, recipient=None, other_phone=None
                )
            case TryLater(code=code):
                self.counts.put_back += in_flight.update(
                    state=State.QUEUED,
                    error_code=code,
                    recipient=None,
                    try_at=self.now + _pause(letter.attempt),
                )
            case InDoubt(code=code):
                self.counts.in_doubt += in_flight.update(error_code=code)
            case NotTried():
                self.counts.put_back += in_flight.update(
                    state=State.QUEUED, recipient=None, attempts=F("attempts") - 1
                )


def _skip_reason(message: Due, barrier: Barrier | None, to: str, allowed_at: datetime) -> SkipReason | None:
    if barrier and (barrier is Barrier.DIED or message.kind not in REQUESTED):
        return SkipReason(barrier.value)
    if not to:
        return SkipReason.NO_PHONE
    if allowed_at > message.not_after:
        return SkipReason.TOO_LATE
    return None


def _pause(attempt: int) -> timedelta:
    """Half a minute, doubled each time, at most an hour."""
    return min(FIRST_PAUSE * (1 << min(attempt - 1, 10)), LONGEST_PAUSE)
