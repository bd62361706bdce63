"""The staff of a rehearsed trial: verify, randomize, read unclear replies, call, and meet in expert teams."""

from datetime import datetime, timedelta
from random import Random

from randomization.services import allocate
from screening.selectors import coordinator_criteria
from screening.services import verify
from trial.accounts.roles import Coordinator
from trial.people.models import Participant, Status
from trial.people.services import add_status
from trial.rehearsal.person import Person
from trial.rehearsal.staff import Staff

REFUSED = 0.03


class Office:
    def __init__(self, *, staff: Staff, chance: Random) -> None:
        self.coordinator = staff[Coordinator]
        self.chance = chance
        self._to_verify: list[tuple[Participant, Person]] = []
        self._leaving: list[tuple[datetime, Participant, str]] = []

    def welcome(self, participant: Participant, person: Person) -> None:
        """A new participant waits to be verified."""
        self._to_verify.append((participant, person))

    def work(self, now: datetime) -> None:
        """Verify and randomize who waits; record what participants ask for."""
        waiting, self._to_verify = self._to_verify, []
        for participant, person in waiting:
            if self._verify(participant, now):
                allocate(participant=participant, by=self.coordinator, now=now)
                self._expect(participant, person, now)

    def _verify(self, participant: Participant, now: datetime) -> bool:
        fits = self.chance.random() > REFUSED
        decisions = {criterion.key: fits for criterion in coordinator_criteria(participant)}
        reason = "" if fits else "Told on the phone"
        verified = verify(
            participant=participant, by=self.coordinator, decisions=decisions, now=now, reason=reason
        )
        return verified.eligible
