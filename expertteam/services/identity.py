"""Reading a case, and who it is about: both leave a row in the read log."""

from datetime import datetime

from django.db import transaction

from expertteam.models import Case
from expertteam.services.cases import must_write
from trial.accounts.models import User
from trial.audit.services import record_read
from trial.people.services import Identity, disclose_identity

FIELDS = ("name", "phone")
READS = ("advice", "baseline", "notes", "time")


@transaction.atomic
def read_case(*, case: Case, by: User, now: datetime) -> None:
    """Note in the read log that a member of the team reads what is known and written. Raises NotOnTeam."""
    must_write(case, by)
    record_read(
        what="case",
        participant_study_id=case.participant.study_id,
        fields=READS,
        reason="member of the team",
        now=now,
    )


@transaction.atomic
def read_name(*, case: Case, by: User, reason: str, now: datetime) -> Identity:
    """The participant's name and phone for a member of the team, written into the read log.

    That it was for a case tells the arm, so the row is named as one of the case's. Raises NotOnTeam,
    ReasonMissing.
    """
    must_write(case, by)
    return disclose_identity(
        participant=case.participant, fields=FIELDS, reason=reason, now=now, what="case: identity"
    )
