"""What happens to participants, one row each."""

from datetime import datetime

from django.db import connection, transaction
from django.utils.translation import gettext as _

from trial.accounts.models import User
from trial.people.errors import StatusRefused
from trial.people.facts import Facts, read_facts
from trial.people.models import IdentityRecord, Participant, ParticipantStatus, Status
from trial.protocol.services import refuse_locked

AFTER_DEATH = {Status.STOPPED_CONTACT, Status.WITHDRAWN_CONTACT, Status.WITHDRAWN_DATA}
"""What the bereaved may still ask for."""
AFTER_LOCK = {
    Status.PAUSED,
    Status.RESUMED,
    Status.STOPPED_CONTACT,
    Status.RESUMED_CONTACT,
    Status.WITHDRAWN_CONTACT,
    Status.WITHDRAWN_DATA,
}
"""Whom we may write to and whose data must go: the participant's to say, also when the data are final."""


@transaction.atomic
def add_status(
    *,
    participant: Participant,
    name: Status | str,
    by: User | None,
    now: datetime,
    reason: str = "",
    until: datetime | None = None,
) -> ParticipantStatus:
    """Record that something happened; `by` is None where the participant did it or a reply did.

    What holds already is not recorded twice: the row that says so is returned. Withdrawal of data erases at
    once who the participant is. Raises StatusRefused for what cannot follow on what happened before,
    DataLocked for what would change the data of a trial that is locked.
    """
    status = Status(name)
    lock_participant(participant)
    rows = list(ParticipantStatus.objects.filter(participant=participant))
    known = read_facts(rows, now)
    if status in known and (status is not Status.PAUSED or until == known.paused_until):
        return next(row for row in reversed(rows) if row.name == status)
    _refuse_impossible(status, known, now, until)
    if status not in AFTER_LOCK:
        refuse_locked(participant.trial)
    row = ParticipantStatus.objects.create(
        participant=participant, name=status, at=now, by=by, reason=reason.strip(), until=until
    )
    if status is Status.WITHDRAWN_DATA:
        _erase_identity(participant, now)
    return row


def lock_participant(participant: Participant) -> None:
    """One act at a time on a participant, until the caller's transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM people_participant WHERE id = %s FOR UPDATE", [participant.pk])


def _refuse_impossible(status: Status, known: Facts, now: datetime, until: datetime | None) -> None:
    if Status.WITHDRAWN_DATA in known:
        raise StatusRefused(_("The participant withdrew the data; nothing more is recorded."))
    if Status.DIED in known and status not in AFTER_DEATH:
        raise StatusRefused(_("The participant has died; this can no longer be recorded."))
    if until is not None and until <= now:
        raise StatusRefused(_("A break must end after today."))


def _erase_identity(participant: Participant, now: datetime) -> None:
    """Null everything that tells who it was, except the index that keeps the person from being randomized
    twice."""
    erased = dict.fromkeys((*IdentityRecord.sealed, "phone_index"))
    IdentityRecord.objects.filter(participant=participant).update(erased_at=now, **erased)
