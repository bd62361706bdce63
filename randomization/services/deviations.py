"""Putting a mistake at randomization on record. Nothing else changes: the allocation stands."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from randomization.errors import NotRandomized
from randomization.models import Allocation, Deviation
from trial.accounts.models import User
from trial.accounts.permissions import Permission
from trial.people.errors import NotPermitted, ReasonMissing
from trial.people.models import Participant
from trial.people.selectors import has_permission
from trial.protocol.services import refuse_locked


@transaction.atomic
def record_deviation(
    *, participant: Participant, kind: str, description: str, by: User, now: datetime
) -> Deviation:
    """Record what went wrong. The participant keeps the allocated arm and is analysed in it.

    The same words by the same person are recorded once. Raises NotPermitted, NotRandomized, ReasonMissing
    without a description, DataLocked when the trial's data are final.
    """
    if not has_permission(by, Permission.RECORD_DEVIATION, site=participant.site):
        raise NotPermitted(_("You may not record a protocol deviation here."))
    if not description.strip():
        raise ReasonMissing(_("Describe what happened."))
    if not Allocation.objects.select_for_update().filter(participant=participant).exists():
        raise NotRandomized
    refuse_locked(participant.trial)
    recorded, _created = Deviation.objects.get_or_create(
        participant=participant,
        kind=Deviation.Kind(kind),
        description=description.strip(),
        by=by,
        defaults={"at": now},
    )
    return recorded
