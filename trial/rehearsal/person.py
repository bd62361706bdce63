"""One simulated person: who they are, how they get well, and how they answer an SMS."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from random import Random

from trial.protocol.schema import Protocol, Weekly
from trial.rehearsal import identities

DOES_NOT_FIT, GIVES_UP = 0.2, 0.04
AGREES = 0.9
"""To a voluntary part of the consent."""
SILENT_FOR_GOOD, PAUSES, STOPS, WITHDRAWS = 0.05, 0.03, 0.02, 0.01
ANSWERS, ANSWERS_AFTER_REMINDER, ANSWERS_UNCLEARLY = 0.93, 0.6, 0.03
FILLS_IN, FILLS_IN_AFTER_REMINDER = 0.75, 0.5
UNCLEAR = ("?", "vet ikke", "vet inte", "2 eller 3", "ring meg", "jobber litt hver dag", "3-4", "ok", "👍")


@dataclass
class Person:
    """Chance comes from a stream of the person's own, so one person's life never changes another's."""

    number: int
    protocol: Protocol
    phone: str
    chance: Random
    language: str = field(init=False)
    name: str = field(init=False)
    identity_number: str = field(init=False)
    fits: bool = field(init=False)
    gives_up: bool = field(init=False)
    """Somebody who fits, reads the consent, and does not go on."""
    back_at_work: int = field(init=False)
    """The first week without sick leave; past the end for those who do not return."""
    leaves: str = field(init=False)
    leaves_in_week: int = field(init=False)

    def __post_init__(self) -> None:
        weeks = self.protocol.weekly.weeks
        self.language = self.chance.choice(self.protocol.languages)
        self.name = identities.name(self.chance)
        self.identity_number = identities.identity_number(
            self.protocol.contact_details.identity_number, self.chance
        )
        self.fits = self.chance.random() > DOES_NOT_FIT
        self.gives_up = self.chance.random() < GIVES_UP
        returns = self.chance.random() < 0.8
        self.back_at_work = int(self.chance.expovariate(1 / 16)) + 1 if returns else weeks + 1
        self.leaves = self._way_of_leaving()
        self.leaves_in_week = min(weeks, 2 + int(self.chance.expovariate(1 / 12)))

    def _way_of_leaving(self) -> str:
        drawn = self.chance.random()
        for way, share in (
            ("silent", SILENT_FOR_GOOD), ("pause", PAUSES), ("stop", STOPS), ("withdraw", WITHDRAWS),
        ):  # fmt: skip
            if drawn < share:
                return way
            drawn -= share
        return ""

    def reply(self, week: int, *, reminded: bool) -> str | None:
        """What the person writes back to the question of a week; None for silence."""
        if self.leaves == "stop" and week >= self.leaves_in_week:
            return "STOPP"
        if self.leaves == "silent" and week >= self.leaves_in_week:
            return None
        if self.chance.random() > (ANSWERS_AFTER_REMINDER if reminded else ANSWERS):
            return None
        if self.chance.random() < ANSWERS_UNCLEARLY:
            return self.chance.choice(UNCLEAR)
        return self.chance.choice(list(spellings(self.days(week), self.protocol.weekly, self.language)))

    def days(self, week: int) -> Decimal:
        """Days of sick leave in a week: many at first, fewer towards the return, sometimes a relapse."""
        weekly = self.protocol.weekly
        if week >= self.back_at_work:
            relapse = self.chance.random() < 0.04
            return weekly.minimum + weekly.step * self.chance.randint(1, 4) if relapse else weekly.minimum
        steps = int((weekly.maximum - weekly.minimum) / weekly.step)
        left = min(1.0, (self.back_at_work - week) / 6)
        return weekly.minimum + weekly.step * self.chance.randint(round(steps * left * 0.6), steps)

    def fills_in(self, *, reminded: bool) -> bool:
        """Whether an invitation to a questionnaire is followed."""
        return self.chance.random() < (FILLS_IN_AFTER_REMINDER if reminded else FILLS_IN)

    def delay(self) -> timedelta:
        """From the SMS to the answer: minutes for most, days for a few."""
        return timedelta(minutes=1 + min(self.chance.expovariate(1 / 180), 4 * 24 * 60))


def person_of(protocol: Protocol, *, number: int, phone: str, seed: int) -> Person:
    """The same person for the same number and seed, in every process."""
    return Person(number, protocol, phone, Random(f"{seed}/person/{number}"))


def spellings(days: Decimal, weekly: Weekly, language: str) -> Iterator[str]:
    """The ways in which people write a number of days."""
    plain = f"{days.normalize():f}"
    unit = weekly.unit_words[language][0]
    yield from (plain, plain, plain.replace(".", ","), f"{plain} {unit}", f" {plain}.", f"{plain} {unit}!")
    if days == weekly.maximum:
        yield from weekly.whole_week_words[language]
    if days == weekly.minimum:
        yield from weekly.no_day_words[language]
