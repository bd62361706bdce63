"""The people who work in a rehearsed or demonstrated trial, one of each role that an open trial has."""

from collections.abc import Mapping
from datetime import datetime
from zlib import crc32

from trial.accounts.models import User
from trial.accounts.roles import (
    Coordinator,
    Expert,
    Monitor,
    Researcher,
    Role,
    Statistician,
    SystemAdministrator,
    TrialManager,
)
from trial.people.services import grant
from trial.protocol.models import Trial

ROLES: tuple[type[Role], ...] = (Coordinator, TrialManager, Statistician, Researcher, Expert, Monitor)

GIVEN_NAMES = {
    Coordinator.key: "Ingrid",
    TrialManager.key: "Henrik",
    Statistician.key: "Solveig",
    Researcher.key: "Anders",
    Expert.key: "Marit",
    Monitor.key: "Johan",
    SystemAdministrator.key: "Kari",
}
SURNAMES = ("Lund", "Berg", "Dahl", "Holm", "Lind", "Strand", "Haug", "Nygård", "Vik", "Sand", "Moen")

Staff = Mapping[type[Role], User]


def email_of(role: type[Role], trial: Trial) -> str:
    return f"{role.key.replace('_', '-')}@{trial.slug}.example"


def name_of(role: type[Role], workplace: str) -> str:
    """A made-up person, the same at every run; those of one workplace differ from those of most others."""
    surname = SURNAMES[crc32(f"{workplace}/{role.key}".encode()) % len(SURNAMES)]
    return f"{GIVEN_NAMES[role.key]} {surname} ({role.key.replace('_', ' ')})"


def hire(trial: Trial, *, password: str | None, now: datetime) -> Staff:
    """A user for each role in the whole trial; without a password nobody can log in as one of them."""
    staff = {}
    for role in ROLES:
        email = email_of(role, trial)
        user = User.objects.filter(email=email).first()
        if user is None:
            user = User.objects.create_user(email, password, name=name_of(role, trial.slug))
        grant(user=user, role=role.key, trial=trial, by=None, now=now)
        staff[role] = user
    return staff
