"""Who the case is about: an act of its own, with a reason."""

from datetime import datetime

from django.db import transaction

from expertteam.models import Case
from expertteam.services.cases import must_write
from trial.accounts.models import User
from trial.people.services import Identity, disclose_identity

FIELDS = ("name", "phone")


@transaction.atomic
def read_name(*, case: Case, by: User, reason: str, now: datetime) -> Identity:
    """The participant's name and phone for a member of the team, written into the read log.

    Raises NotOnTeam, ReasonMissing.
    """
    must_write(case, by)
    return disclose_identity(participant=case.participant, fields=FIELDS, reason=reason, now=now)
