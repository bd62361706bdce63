"""Finding a participant by phone: through the blind index, and never without a trace."""

from datetime import datetime

from django.db import transaction

from trial.accounts.models import User
from trial.accounts.permissions import Permission
from trial.audit.services import record_read
from trial.people.identity import NotReadable, normalise_phone
from trial.people.models import Participant
from trial.people.selectors import participants_by_phone, participants_for, trials_for
from trial.protocol.selectors import active_protocol


@transaction.atomic
def find_by_phone(*, user: User, phone: str, now: datetime) -> list[Participant]:
    """Participants with this phone at the sites where the user may read identities; a family may share one.

    The number is read as one of the countries of the user's trials. Each find goes to the read log.
    """
    found: list[Participant] = []
    trials = trials_for(user, Permission.READ_IDENTITY).filter(activations__isnull=False).distinct()
    for region in sorted({active_protocol(trial).country for trial in trials}):
        try:
            number = normalise_phone(phone, region)
        except NotReadable:
            continue
        reachable = participants_for(user, Permission.READ_IDENTITY).filter(
            pk__in=participants_by_phone(number)
        )
        found += [participant for participant in reachable if participant not in found]
    for participant in found:
        record_read(
            what="identity",
            participant_study_id=participant.study_id,
            fields=["phone"],
            reason="found by phone",
            now=now,
        )
    return found
