"""Finding a participant by phone: through the blind index, and never without a trace."""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from trial.accounts.models import User
from trial.accounts.permissions import Permission
from trial.audit.services import record_read
from trial.people.identity import NotReadable, normalise_phone
from trial.people.models import Participant
from trial.people.selectors import participants_by_phone, participants_for, trials_for
from trial.protocol.models import Trial
from trial.protocol.selectors import active_protocol

FOUND, NOT_FOUND = "found by phone", "searched by phone, nobody found"


@transaction.atomic
def find_by_phone(*, user: User, phone: str, now: datetime) -> list[Participant]:
    """Participants with this phone at the sites where the user may read identities; a family may share one.

    The number is read as one of the countries of the user's trials. Each search goes to the read log, with
    or without a find. Raises NotReadable for what is no phone number, which is not searched for.
    """
    numbers = _readings(phone, trials_for(user, Permission.READ_IDENTITY))
    found: list[Participant] = []
    for number in numbers:
        reachable = participants_for(user, Permission.READ_IDENTITY).filter(
            pk__in=participants_by_phone(number)
        )
        found += [participant for participant in reachable if participant not in found]
    for study_id in [participant.study_id for participant in found] or [""]:
        record_read(
            what="identity",
            participant_study_id=study_id,
            fields=["phone"],
            reason=FOUND if study_id else NOT_FOUND,
            now=now,
        )
    return found


def _readings(phone: str, trials: QuerySet[Trial]) -> list[str]:
    """The number as each country of these trials reads it. Raises NotReadable where none can."""
    active = trials.filter(activations__isnull=False).distinct()
    numbers, refused = [], None
    for region in sorted({active_protocol(trial).country for trial in active}):
        try:
            numbers.append(normalise_phone(phone, region))
        except NotReadable as why:
            refused = refused or why
    if refused and not numbers:
        raise refused
    return numbers
