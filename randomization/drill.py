"""Hard use of a trial whose people wait: many clicks at once, killed programs, deletions, a list used up.

It changes whatever it is let loose on. `trial.rehearsal.drilling` gives it a database that is thrown away.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from django.db import DatabaseError, connections, transaction

from randomization.designs import design_from
from randomization.drill_clients import ACTOR, Client, Shown, at_once, clicked, first_to_hold, shown
from randomization.errors import ListExhausted, NotReady
from randomization.models import Allocation, Place, SealedList, Stratum
from randomization.verification import verify
from trial.accounts.models import User
from trial.audit.context import acting
from trial.core.errors import DomainError
from trial.people.models import Participant, Status
from trial.people.services import add_status
from trial.protocol.models import Trial

CLICKS = 200
KILLED_AT_RANDOM, KILLED_IN_THE_MIDDLE = 3, 2

FORBIDDEN = (
    ("the participant", "DELETE FROM people_participant WHERE id = %(participant)s"),
    ("the allocation", "DELETE FROM randomization_allocation WHERE participant_id = %(participant)s"),
    ("the place", "DELETE FROM randomization_place WHERE id = %(place)s"),
    (
        "the place from the allocation",
        "UPDATE randomization_allocation SET place_id = place_id - 1 WHERE participant_id = %(participant)s",
    ),
    ("one from the counter", "UPDATE randomization_stratum SET used = used - 1 WHERE id = %(stratum)s"),
)
"""What would free a place, and how somebody would try to take it away."""

SWAP = """
UPDATE randomization_place place SET content = other.content FROM randomization_place other
 WHERE place.id IN (%(first)s, %(second)s) AND other.id IN (%(first)s, %(second)s) AND other.id <> place.id
"""


@dataclass(frozen=True)
class Finding:
    """One test of the drill."""

    title: str
    expected: str
    happened: str
    passed: bool
    seconds: float


class Failed(Exception):
    """What happened is not what was expected."""


class Drill:
    """The tests, one after the other. What anybody was shown is remembered and must never change."""

    def __init__(
        self,
        *,
        trial: Trial,
        crowd: Callable[[int], Sequence[Participant]],
        by: User,
        now: datetime,
        clicks: int = CLICKS,
    ) -> None:
        """`crowd` brings so many new people who may be randomized, all of one site and stratum.

        Its list must have room for twice as many as there are `clicks` at once.
        """
        self.trial, self.crowd, self.by, self.now, self.clicks = trial, crowd, by, now, clicks
        self.seen: dict[int, Shown] = {}
        sealed = SealedList.objects.get(trial=trial)
        self.is_cluster = design_from(sealed.design).is_cluster

    def run(self) -> Iterator[Finding]:
        """Each test as it ends. One that fails does not keep the others from being made."""
        for title, expected, test in (
            (
                f"{self.clicks} clicks on one participant at once",
                "One allocation; every click is shown the same.",
                self.click_on_one,
            ),
            (
                f"{self.clicks} participants at once",
                "Each gets one allocation; places are given in order, none twice and none left out.",
                self.click_on_many,
            ),
            (
                "Killed programs",
                "Nothing is lost, doubled or left out; what was shown stays as it was.",
                self.kill,
            ),
            (
                "A participant who withdraws the data",
                "The allocation stays; the next participant gets the next place.",
                self.withdraw,
            ),
            (
                "A participant who is deleted",
                "The database refuses to delete, to the application and to the owner of the tables.",
                self.delete,
            ),
            (
                "A list that is used up",
                "A clear message; nobody is allocated; the list never starts over.",
                self.use_up,
            ),
            (
                "Verification",
                "List, seed, commitment, counters and allocations agree; all is still as it was shown.",
                self.verify,
            ),
            (
                "Two places exchanged behind the program's back",
                "Verification notices, even when they have been put back.",
                self.tamper,
            ),
        ):
            started = time.perf_counter()
            try:
                happened, passed = test(), True
            except Exception as error:  # whatever goes wrong is what the drill has found
                happened, passed = _sentence(error), False
            yield Finding(title, expected, happened, passed, time.perf_counter() - started)

    def click_on_one(self) -> str:
        (participant,) = self.crowd(1)
        answers = at_once([self._click(participant)] * self.clicks)
        allocations = Allocation.objects.filter(participant=participant).count()
        if len(set(answers)) != 1 or allocations != 1:
            raise Failed(f"{allocations} allocations, {len(set(answers))} different answers.")
        self._remember(participant, answers[0])
        return f"{len(answers)} answers, all the same; {allocations} allocation."

    def click_on_many(self) -> str:
        people = self.crowd(self.clicks)
        self._all_click(people)
        return f"{len(people)} allocations{self._in_order(people)}."

    def kill(self) -> str:
        """Some hold all locks and have written everything but the last word; some are anywhere."""
        held = self.crowd(KILLED_IN_THE_MIDDLE)
        holders = [Client([one.pk], by=self.by.pk, now=self.now, hold=True) for one in held]
        share = self.clicks // 5
        people = self.crowd(share * KILLED_AT_RANDOM)
        clients = [
            Client([one.pk for one in people[n * share : (n + 1) * share]], by=self.by.pk, now=self.now)
            for n in range(KILLED_AT_RANDOM)
        ]
        waiting = list(holders)
        while waiting:
            holder = first_to_hold(waiting)
            holder.kill()
            waiting.remove(holder)
        for client in clients:
            client.wait_for_answers(random.randint(1, share // 2))
            time.sleep(random.uniform(0, 0.02))
            client.kill()
        answers = [answer for client in clients for answer in client.answers]
        if kept := Allocation.objects.filter(participant__in=held).count():
            raise Failed(f"{kept} allocations of killed programs that were not finished.")
        for participant, answer in answers:
            self.seen[participant] = answer
        self._all_click([*people, *held])
        return (
            f"{len(holders)} killed before the last word: nothing of them was kept. "
            f"{len(clients)} killed at random after {len(answers)} answers. Then all "
            f"{len(people) + len(held)} clicked again: each has one allocation"
            f"{self._in_order([*people, *held])}."
        )

    def withdraw(self) -> str:
        gone, after = self.crowd(2)
        before = self._one_clicks(gone)
        with acting(ACTOR):
            add_status(
                participant=gone, name=Status.WITHDRAWN_DATA, by=self.by, now=self.now, reason="A drill"
            )
        self._one_clicks(gone)
        return f"Still shown the same; {self._next_place(before, self._one_clicks(after))}"

    def delete(self) -> str:
        gone, after = self.crowd(2)
        before = self._one_clicks(gone)
        place = Place.objects.get(pk=before.place)
        names = {"participant": gone.pk, "place": place.pk, "stratum": place.stratum_id}
        for alias in ("default", "owner"):
            for what, statement in FORBIDDEN:
                with suppress(DatabaseError), acting(ACTOR), transaction.atomic(using=alias):
                    with connections[alias].cursor() as cursor:
                        cursor.execute(statement, names)
                    transaction.get_connection(alias).check_constraints()
                    raise Failed(f"The {alias} role could take away {what}.")
        self._one_clicks(gone)
        return (
            f"{2 * len(FORBIDDEN)} attempts, all refused; {self._next_place(before, self._one_clicks(after))}"
        )

    def use_up(self) -> str:
        if self.is_cluster:
            return "Does not apply: participants take the place of their site, however many they are."
        stratum = Place.objects.select_related("stratum").get(pk=next(iter(self.seen.values())).place).stratum
        stratum.refresh_from_db()
        left = stratum.places - stratum.used
        people = self.crowd(left + self.clicks // 10)
        answers = at_once([self._click_or_refusal(one) for one in people])
        told = {answer for answer in answers if isinstance(answer, str)}
        served = [one for one, answer in zip(people, answers, strict=True) if isinstance(answer, Shown)]
        for one, answer in zip(people, answers, strict=True):
            if isinstance(answer, Shown):
                self._remember(one, answer)
            elif not isinstance(self._click_or_refusal(one)(), str):
                raise Failed("Somebody was allocated after the end of the list.")
        stratum.refresh_from_db()
        allocated = Allocation.objects.filter(participant__in=people).count()
        if not len(served) == allocated == left or stratum.used != stratum.places or len(told) != 1:
            raise Failed(f"{left} places were left, {allocated} people have one; {len(told)} messages.")
        return (
            f"{left} places were left for {len(people)} people: {allocated} were allocated"
            f"{self._in_order(served)}, {len(people) - allocated} were told, twice: “{told.pop()}”"
        )

    def verify(self) -> str:
        agreement = verify(self.trial)
        changed = [pk for pk, answer in self.seen.items() if shown(pk) != answer]
        if changed:
            raise Failed(f"{len(changed)} of {len(self.seen)} are not as they were shown.")
        return (
            f"{agreement.strata} strata, {agreement.places} places and {agreement.allocations} allocations "
            f"agree; all {len(self.seen)} are as they were shown."
        )

    def tamper(self) -> str:
        sealed = SealedList.objects.get(trial=self.trial)
        stratum = Stratum.objects.filter(sealed_list=sealed).order_by("key")[0]
        first, second = Place.objects.filter(stratum=stratum).order_by("position")[:2]
        self._exchange(first, second)
        noticed = self._refusal()
        self._exchange(first, second)
        return f"It says: “{noticed}” Once they are put back, still: “{self._refusal()}”"

    def _refusal(self) -> str:
        try:
            verify(self.trial)
        except DomainError as noticed:
            return str(noticed)
        raise Failed("It notices nothing.")

    def _exchange(self, first: Place, second: Place) -> None:
        """As only the owner of the tables can, who may switch triggers off."""
        with acting(ACTOR), connections["owner"].cursor() as cursor:
            cursor.execute("ALTER TABLE randomization_place DISABLE TRIGGER never_changes")
            cursor.execute(SWAP, {"first": first.pk, "second": second.pk})
            cursor.execute("ALTER TABLE randomization_place ENABLE TRIGGER never_changes")
        connections["owner"].close()

    def _click(self, participant: Participant) -> Callable[[], Shown]:
        return lambda: clicked(participant.pk, by=self.by.pk, now=self.now)

    def _click_or_refusal(self, participant: Participant) -> Callable[[], Shown | str]:
        def click() -> Shown | str:
            try:
                return self._click(participant)()
            except (ListExhausted, NotReady) as refused:
                return str(refused)

        return click

    def _one_clicks(self, participant: Participant) -> Shown:
        answer = self._click(participant)()
        self._remember(participant, answer)
        return answer

    def _all_click(self, people: Sequence[Participant]) -> None:
        for one, answer in zip(people, at_once([self._click(one) for one in people]), strict=True):
            self._remember(one, answer)

    def _remember(self, participant: Participant, answer: Shown) -> None:
        if self.seen.setdefault(participant.pk, answer) != answer:
            raise Failed(f"Participant {participant.pk} was shown something else before.")

    def _in_order(self, people: Sequence[Participant]) -> str:
        """Checks that the places of these people, who came after all others, are the last ones, in order."""
        allocations = Allocation.objects.filter(participant__in=people).order_by("pk")
        if allocations.count() != len(people):
            raise Failed(f"{allocations.count()} allocations of {len(people)} participants.")
        positions = list(allocations.values_list("place__position", flat=True))
        if self.is_cluster:
            if len(set(positions)) != 1:
                raise Failed("Participants of one site have different places.")
            return ", all with the place of their site"
        last = Stratum.objects.get(pk=allocations[0].place.stratum_id).used
        if positions != list(range(last - len(people) + 1, last + 1)):
            raise Failed("Places were given out of order, twice or not at all.")
        return f", places {positions[0]} to {positions[-1]} in order"

    def _next_place(self, before: Shown, after: Shown) -> str:
        if self.is_cluster:
            return "the next participant has the place of the site, too."
        if after.position != before.position + 1:
            raise Failed(f"After place {before.position} came place {after.position}.")
        return f"after place {before.position} came place {after.position}."


def _sentence(error: Exception) -> str:
    if isinstance(error, EOFError):
        return "A program ended by itself; its own words stand above."
    return str(error) if isinstance(error, Failed) else f"{type(error).__name__}: {error}"
