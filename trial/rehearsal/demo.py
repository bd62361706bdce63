"""What `make demo` shows: every protocol of `protocols/` as a trial in full swing, with all its staff."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.utils.translation import override

from analysis.services import analyse_snapshot, make_snapshot
from trial.accounts.models import User
from trial.accounts.roles import (
    Coordinator,
    Expert,
    Monitor,
    Researcher,
    Statistician,
    SystemAdministrator,
    TrialManager,
)
from trial.audit.context import acting
from trial.core import chance
from trial.core.kept import kept_secret
from trial.people.services import grant
from trial.protocol.models import Trial
from trial.protocol.reading import read_sources
from trial.protocol.selectors import active_protocol
from trial.rehearsal.arrival import ACTOR
from trial.rehearsal.run import Rehearsal, Size
from trial.rehearsal.services import set_up
from trial.rehearsal.staff import email_of, name_of

PARTICIPANTS, DAYS, SEED = 36, 98, 1
AWAY = timedelta(days=14)
"""So long ago the simulated staff stopped working: what has come in since waits for whoever logs in."""
PLACES = {
    Coordinator: "/office/",
    TrialManager: "/office/",
    Statistician: "/randomization/{slug}/",
    Researcher: "/data/{slug}/",
    Expert: "/cases/",
    Monitor: "/office/",
}
ADMINISTRATOR = "system@tilbake.example"


@dataclass(frozen=True)
class Account:
    """Somebody who can log in, and where their work is."""

    path: str
    role: str
    email: str
    password: str


def fill(*, now: datetime, say: Callable[[str], object]) -> None:
    """Make each trial that is not there yet, and let it run until this morning."""
    with acting(ACTOR):
        _administrator(now)
        for file in sorted((settings.BASE_DIR / "protocols").glob("*.toml")):
            if not Trial.objects.filter(slug=file.stem).exists():
                say(f"Rehearsing {file.stem} …")
                _fill_one(file, now)


def is_half_filled() -> bool:
    """Whether an earlier start was killed while it rehearsed: each trial ends with a snapshot."""
    return Trial.objects.filter(snapshots=None).exists()


def _fill_one(file: Path, now: datetime) -> None:
    first_day = now.date() - timedelta(days=DAYS)
    begins = now - timedelta(days=DAYS + 1)
    with chance.seeded(f"{SEED}/{file.stem}"):
        trial, staff = set_up(sources=read_sources(file), password=password(), now=begins)
        size = Size(PARTICIPANTS, weeks=1, seed=SEED, first_day=first_day, recruiting_days=DAYS)
        rehearsal = Rehearsal(trial=trial, staff=staff, size=size, until=now, away_since=now - AWAY)
        rehearsal.run()
        rehearsal.office.verify_one(now)
        snapshot = make_snapshot(trial=trial, by=ACTOR, now=now)
    analyse_snapshot(snapshot=snapshot)


def _administrator(now: datetime) -> None:
    if not User.objects.filter(email=ADMINISTRATOR).exists():
        user = User.objects.create_user(
            ADMINISTRATOR, password(), name=name_of(SystemAdministrator, "tilbake")
        )
        grant(user=user, role=SystemAdministrator.key, by=None, now=now)


def password() -> str:
    """The same for everybody in the demo, made at its first start."""
    return kept_secret(settings.KEYS_DIR / "demo_password")[:16]


def accounts() -> Iterator[Account]:
    """Who can log in, and where; in English, as all that commands print."""
    with override("en"):
        yield from _accounts()


def _accounts() -> Iterator[Account]:
    for trial in Trial.objects.order_by("slug"):
        for role, place in PLACES.items():
            if role is Expert and active_protocol(trial).expert_team is None:
                continue
            yield Account(place.format(slug=trial.slug), str(role.name), email_of(role, trial), password())
    yield Account("/office/", str(SystemAdministrator.name), ADMINISTRATOR, password())
