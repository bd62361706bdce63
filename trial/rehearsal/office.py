"""The coordinator of a rehearsed trial: verifies, randomizes, reads unclear replies, and records wishes."""

from datetime import datetime, timedelta
from random import Random

from followup.errors import NotInRange, NotYet, TooLongAgo, WeekMissing
from followup.models import UnclearReply
from followup.services import resolve_reply
from randomization.services import allocate
from screening.selectors import coordinator_criteria
from screening.services import verify
from trial.accounts.roles import Coordinator
from trial.people.models import Participant, Status
from trial.people.services import add_status
from trial.protocol.models import Trial
from trial.rehearsal.person import Person
from trial.rehearsal.staff import Staff

REFUSED = 0.03
BREAK = timedelta(weeks=3)
WISHES = {"pause": Status.PAUSED, "withdraw": Status.WITHDRAWN_CONTACT}


class Office:
    def __init__(self, *, trial: Trial, staff: Staff, chance: Random) -> None:
        self.trial, self.chance = trial, chance
        self.coordinator = staff[Coordinator]
        self.people: dict[int, Person] = {}
        self._to_verify: list[Participant] = []
        self._wishes: list[tuple[datetime, Participant]] = []
        self._to_read = 0

    def welcome(self, participant: Participant, person: Person) -> None:
        """A new participant waits to be verified."""
        self.people[participant.pk] = person
        self._to_verify.append(participant)

    def hear(self, unclear: int) -> None:
        """So many replies came that somebody must read."""
        self._to_read += unclear

    def work(self, now: datetime) -> None:
        """What the coordinator does with what has come in."""
        waiting, self._to_verify = self._to_verify, []
        for participant in waiting:
            if self._verify(participant, now):
                allocate(participant=participant, by=self.coordinator, now=now)
                self._note_wish(participant, now)
        self._record_wishes(now)
        if self._to_read:
            self._read_unclear_replies(now)

    def verify_one(self, now: datetime) -> None:
        """Who has waited longest is checked, and nobody is randomized yet."""
        if self._to_verify:
            self._verify(self._to_verify.pop(0), now)

    def _verify(self, participant: Participant, now: datetime) -> bool:
        fits = self.chance.random() > REFUSED
        return verify(
            participant=participant,
            by=self.coordinator,
            decisions={criterion.key: fits for criterion in coordinator_criteria(participant)},
            now=now,
            reason="" if fits else "Said so on the phone",
        ).eligible

    def _note_wish(self, participant: Participant, now: datetime) -> None:
        person = self.people[participant.pk]
        if person.leaves in WISHES:
            self._wishes.append((now + timedelta(weeks=person.leaves_in_week), participant))

    def _record_wishes(self, now: datetime) -> None:
        for at, participant in [wish for wish in self._wishes if wish[0] <= now]:
            self._wishes.remove((at, participant))
            status = WISHES[self.people[participant.pk].leaves]
            add_status(
                participant=participant,
                name=status,
                by=self.coordinator,
                now=now,
                reason="Asked by phone",
                until=now + BREAK if status == Status.PAUSED else None,
            )

    def _read_unclear_replies(self, now: datetime) -> None:
        self._to_read = 0
        waiting = UnclearReply.objects.filter(participant__trial=self.trial, resolution=None)
        for reply in waiting.select_related("participant__site", "occasion__participant__trial"):
            self._resolve(reply, now)

    def _resolve(self, reply: UnclearReply, now: datetime) -> None:
        """Half of the unclear replies turn out to be a number once somebody asks."""
        days = None
        if reply.occasion and self.chance.random() < 0.5:
            days = self.people[reply.occasion.participant_id].days(reply.occasion.number)
        try:
            resolve_reply(
                reply=reply, by=self.coordinator, now=now, days=days, reason="Called the participant"
            )
        except (NotYet, TooLongAgo, NotInRange, WeekMissing):
            resolve_reply(reply=reply, by=self.coordinator, now=now, reason="Could not be told")
