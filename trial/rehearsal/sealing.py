"""Sealing the list of a rehearsed trial, however its protocol wants that done."""

from datetime import datetime

from randomization.design import design_of
from randomization.designs import ImportedDesign
from randomization.importing import drawn_file
from randomization.services import approve_proposal, propose_list, seal_lists
from trial.accounts.models import User
from trial.accounts.roles import Statistician
from trial.core import chance
from trial.people.services import grant
from trial.protocol.models import Trial
from trial.protocol.selectors import active_protocol


def seal_list(*, trial: Trial, statistician: User, now: datetime) -> None:
    """A list from elsewhere is drawn here, since nobody brings one; and where the protocol wants two persons,
    a second statistician approves."""
    protocol = active_protocol(trial)
    design = design_of(protocol)
    imported = drawn_file(design, chance.shuffle) if isinstance(design, ImportedDesign) else None
    if not protocol.randomization.two_person_seal:
        seal_lists(trial=trial, by=statistician, imported=imported, now=now)
        return
    proposal = propose_list(trial=trial, by=statistician, imported=imported, now=now)
    approve_proposal(proposal=proposal, by=_second(trial, now), now=now)


def _second(trial: Trial, now: datetime) -> User:
    email = f"second-{Statistician.key}@{trial.slug}.example"
    user = User.objects.filter(email=email).first() or User.objects.create_user(
        email, None, name="Sigrid Lie (statistician)"
    )
    grant(user=user, role=Statistician.key, trial=trial, by=None, now=now)
    return user
