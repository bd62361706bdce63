"""Using what the identity vault holds."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from trial.accounts.models import User
from trial.accounts.permissions import Permission
from trial.audit.context import because
from trial.audit.services import record_read
from trial.core.db import rows
from trial.people.errors import AlreadyRegistered, IdentityErased, NotPermitted, ReasonMissing
from trial.people.identity import vault
from trial.people.models import IdentityRecord, Participant
from trial.people.selectors import has_permission
from trial.people.services.registration import opened, person_index, seal_identity, with_phone
from trial.protocol.selectors import protocol_of


@dataclass(frozen=True)
class Identity:
    """The details that were asked for; empty where there is none or it was not asked for."""

    name: str = ""
    phone: str = ""
    email: str = ""
    postal_code: str = ""
    identity_number: str = ""


def read_identity(
    *, participant: Participant, fields: Iterable[str], by: User, reason: str, now: datetime
) -> Identity:
    """Open the named details for a member of staff, and write into the read log that it was done, and why.

    Raises NotPermitted where `by` may not read identities at the participant's site, ReasonMissing without
    a reason.
    """
    if not has_permission(by, Permission.READ_IDENTITY, site=participant.site):
        raise NotPermitted(_("You may not read who this participant is."))
    return disclose_identity(participant=participant, fields=fields, reason=reason, now=now)


@transaction.atomic
def disclose_identity(
    *, participant: Participant, fields: Iterable[str], reason: str, now: datetime, what: str = "identity"
) -> Identity:
    """The same for a door of its own, such as a team's: who calls has checked that the reader may, and
    names the door in `what`."""
    reason, fields = reason.strip(), sorted(set(fields))
    if not reason:
        raise ReasonMissing(_("Say why you need to know who this is."))
    record_read(what=what, participant_study_id=participant.study_id, fields=fields, reason=reason, now=now)
    record = IdentityRecord.objects.get(participant=participant)
    return Identity(**{field: vault.open_of(record, field) for field in fields})


PHONES = """
SELECT id, participant_id, phone FROM people_identityrecord
 WHERE participant_id = ANY(%(participants)s) AND phone IS NOT NULL
"""


class _Phone(NamedTuple):
    pk: UUID
    participant: int
    phone: bytes


def phones_for_sending(participants: Collection[int]) -> dict[int, str]:
    """The phones of participants as E.164, for the gateway only. Who withdrew the data has none."""
    table = IdentityRecord._meta.db_table
    return {
        one.participant: vault.open_(one.phone, table=table, row=one.pk, field="phone")
        for one in rows(_Phone, PHONES, {"participants": list(participants)})
    }


@transaction.atomic
def change_phone(*, participant: Participant, phone: str, by: User | None, now: datetime) -> None:
    """Seal a new phone number; `by` is None where the participant changed it.

    Where the person is told apart by phone and name, that follows. Raises NotReadable for no phone number,
    AlreadyRegistered when another participant of the trial has the same phone and name, IdentityErased.
    """
    record = IdentityRecord.objects.select_for_update().get(participant=participant)
    if record.erased_at is not None:
        raise IdentityErased(_("The participant withdrew the data; a phone number cannot be kept."))
    contact = with_phone(opened(record), phone, protocol_of(participant.protocol_version).country)
    record.person_index = person_index(participant.trial, contact)
    seal_identity(record, contact)
    try:
        with because(_("Change of phone number")), transaction.atomic():
            record.save()
    except IntegrityError:
        other = Participant.objects.get(identity__person_index=record.person_index)
        raise AlreadyRegistered(
            _("Somebody with this name and phone number is registered already."), other
        ) from None
