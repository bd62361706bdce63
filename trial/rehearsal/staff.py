"""The people who work in a rehearsed or demonstrated trial, one of each role."""

from collections.abc import Mapping
from datetime import datetime

from trial.accounts.models import User
from trial.accounts.roles import (
    Coordinator,
    Expert,
    Monitor,
    Researcher,
    Role,
    Statistician,
    TrialManager,
)
from trial.people.services import grant
from trial.protocol.models import Trial

ROLES: tuple[type[Role], ...] = (Coordinator, TrialManager, Statistician, Researcher, Expert, Monitor)

Staff = Mapping[type[Role], User]


def email_of(role: type[Role], trial: Trial) -> str:
    return f"{role.key.replace('_', '-')}@{trial.slug}.example"


def hire(trial: Trial, *, password: str | None, now: datetime) -> Staff:
    """A user for each role in the whole trial; without a password nobody can log in as one of them."""
    staff = {}
    for role in ROLES:
        email = email_of(role, trial)
        user = User.objects.filter(email=email).first()
        if user is None:
            user = User.objects.create_user(email, password, name=f"{role.name} {trial.slug}")
        grant(user=user, role=role.key, trial=trial, by=None, now=now)
        staff[role] = user
    return staff
