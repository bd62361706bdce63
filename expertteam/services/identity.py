"""Reading a case, and who it is about: both leave a row in the read log."""

from datetime import datetime

from django.db import transaction

from expertteam.models import Case
from expertteam.services.cases import may_write, must_write
from trial.accounts.models import User
from trial.audit.services import record_read
from trial.people.services import Identity, disclose_identity

FIELDS = ("name", "phone")
READ_BY_TEAM = ("advice", "baseline", "notes", "time")
READ_BY_MANAGER = ("meetings", "team")


@transaction.atomic
def read_case(*, case: Case, by: User, now: datetime) -> None:
    """Note in the read log that a member of the team, or who puts it together, opened the case.

    That there is one tells the arm.
    """
    on_team = may_write(case, by)
    record_read(
        what="case",
        participant_study_id=case.participant.study_id,
        fields=READ_BY_TEAM if on_team else READ_BY_MANAGER,
        reason="member of the team" if on_team else "puts the team together",
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
