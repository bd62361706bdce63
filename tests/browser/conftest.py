"""The real trials of `protocols/`, with staff, a provider of SMS, and what beat wakes."""

from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from analysis.tasks import make_due_snapshots
from expertteam.tasks import open_cases
from followup.tasks import interpret_inbound, make_plans, turn_due_occasions, turn_reminders
from randomization.services import allocate
from screening.selectors import coordinator_criteria
from screening.services import verify
from tests.browser.walk import Phone
from tests.browsers import PHONE
from tests.factories import NOW
from tests.messaging.simulated import running
from trial.accounts.roles import Coordinator
from trial.audit.context import acting
from trial.core import chance
from trial.messaging.tasks import dispatch
from trial.protocol.reading import read_sources
from trial.protocol.selectors import active_study
from trial.rehearsal import identities
from trial.rehearsal.arrival import arrive
from trial.rehearsal.person import Person
from trial.rehearsal.run import Rehearsal, Size
from trial.rehearsal.services import set_up

PASSWORD = "correct horse battery staple"
SWEEPS = (
    make_plans,
    open_cases,
    interpret_inbound,
    turn_due_occasions,
    turn_reminders,
    dispatch,
    make_due_snapshots,
)


@pytest.fixture(autouse=True)
def today(time_machine):
    """The clock stands on a Monday at ten in Oslo, and runs from there."""
    time_machine.move_to(NOW)


@pytest.fixture
def beat():
    """Everything that beat wakes, once."""

    def beat():
        for sweep in SWEEPS:
            sweep()

    return beat


@pytest.fixture
def provider(live_server, settings, tmp_path):
    """The simulator in a process of its own, which calls the product back; exports go to a place of ours."""
    settings.EXPORT_DIR = tmp_path / "exports"
    settings.PUBLIC_BASE_URL = live_server.url
    with running(tmp_path / "simulator", callback_base=live_server.url) as simulator:
        settings.TWILIO_API_BASE_URL = simulator.url
        yield simulator


@pytest.fixture
def phone(provider, open_as):
    """Somebody's phone: `phone("+46701740605")`."""
    return lambda number: Phone(open_as(viewport=PHONE), provider, number)


class House:
    """A trial that recruits, its staff, and people who take part in it without our looking."""

    def __init__(self, slug):
        sources = read_sources(Path("protocols") / f"{slug}.toml")
        with chance.seeded(f"{slug}/1"):  # the first place of each of Trondheim's strata has an expert team
            self.trial, self.staff = set_up(sources=sources, password=PASSWORD, now=NOW - timedelta(days=365))
        self.study = active_study(self.trial)
        self._phones = enumerate(identities.phones(self.study.protocol.country))

    def arrived(self, now=NOW):
        """Somebody who fits, with a finished first questionnaire."""
        site = self.trial.sites.order_by("key").first()
        for number, phone in self._phones:
            stream = Random(f"{self.trial.slug}/{number}")
            person = Person(number=number, protocol=self.study.protocol, phone=phone, chance=stream)
            if participant := arrive(
                person, trial=self.trial, study=self.study, site=site, chance=stream, now=now
            ):
                return participant
        raise AssertionError("Nobody fits.")

    def randomized(self, now=NOW):
        participant, coordinator = self.arrived(now), self.staff[Coordinator]
        decisions = {criterion.key: True for criterion in coordinator_criteria(participant)}
        with acting(f"user:{coordinator.pk}"):
            verify(participant=participant, by=coordinator, decisions=decisions, now=now, reason="By phone")
            allocate(participant=participant, by=coordinator, now=now)
        return participant

    def lives(self, *, weeks, participants):
        """The trial has run for a while, and is in full swing."""
        first_day = NOW.date() - timedelta(days=Size.recruiting_days + weeks * 7)
        size = Size(participants=participants, weeks=weeks, seed=1, first_day=first_day)
        Rehearsal(trial=self.trial, staff=self.staff, size=size, until=NOW).run()


@pytest.fixture
def workup(transactional_db):
    return House("workup")


@pytest.fixture
def expert_at_work(transactional_db):
    return House("expert-at-work")
