"""A person becomes a participant."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from trial.people.errors import AlreadyRegistered, IdentityMissing
from trial.people.identity import (
    blind_index,
    name_for_comparison,
    normalise_email,
    normalise_identity_number,
    normalise_name,
    normalise_phone,
    normalise_postal_code,
    vault,
)
from trial.people.models import IdentityRecord, Participant, ParticipantStatus, Site, Status
from trial.people.study_id import new_study_id
from trial.protocol.models import ProtocolVersion, Trial
from trial.protocol.schema import Protocol
from trial.protocol.selectors import protocol_of

STUDY_ID_DRAWS = 20


@dataclass(frozen=True)
class Contact:
    """What a person tells about who they are, as typed."""

    name: str
    phone: str
    email: str = ""
    postal_code: str = ""
    identity_number: str = ""


def normalise_contact(contact: Contact, protocol: Protocol, *, today: date) -> Contact:
    """The details that the protocol asks for, in their one written form; others are dropped.

    Raises NotReadable for what cannot be read, IdentityMissing for what is not there.
    """
    details = protocol.contact_details
    email = contact.email.strip() if details.email != "none" else ""
    postal_code = contact.postal_code.strip() if details.postal_code != "none" else ""
    number = contact.identity_number.strip() if details.identity_number != "none" else ""
    if (
        (details.email == "required" and not email)
        or (details.postal_code == "required" and not postal_code)
        or (details.identity_number != "none" and not number)
    ):
        raise IdentityMissing(_("A contact detail that the study needs is missing."))
    return Contact(
        name=normalise_name(contact.name),
        phone=normalise_phone(contact.phone, protocol.country),
        email=normalise_email(email) if email else "",
        postal_code=normalise_postal_code(postal_code, protocol.country) if postal_code else "",
        identity_number=normalise_identity_number(number, details.identity_number, today=today)
        if number
        else "",
    )


def person_index(trial: Trial, contact: Contact) -> bytes:
    """Tells a person (normalised details) apart within one trial, and says nothing across trials."""
    person = contact.identity_number or f"{contact.phone}|{name_for_comparison(contact.name)}"
    return blind_index(f"{trial.pk}|{person}", field="person")


@transaction.atomic
def register_participant(
    *,
    trial: Trial,
    site: Site,
    language: str,
    protocol_version: ProtocolVersion,
    contact: Contact,
    now: datetime,
) -> Participant:
    """Make a participant with a new study id and seal who it is.

    However often and however much at once it is called for one person, there is one participant: every
    other call raises AlreadyRegistered, which carries that participant. Raises NotReadable or
    IdentityMissing for details that the protocol cannot accept.
    """
    protocol = protocol_of(protocol_version)
    contact = normalise_contact(contact, protocol, today=now.astimezone(ZoneInfo(protocol.time_zone)).date())
    person = person_index(trial, contact)
    _refuse_known(person)
    participant = Participant(
        trial=trial,
        site=site,
        language=language,
        protocol_version=protocol_version,
        registered_at=now,
    )
    record = seal_identity(IdentityRecord(person_index=person), contact)
    _save_under_new_study_id(participant, record)
    ParticipantStatus.objects.create(participant=participant, name=Status.REGISTERED, at=now)
    return participant


def seal_identity(record: IdentityRecord, contact: Contact) -> IdentityRecord:
    """Seal normalised details into a record and index what is looked up by; the person index is left as it
    is."""
    for field in IdentityRecord.sealed:
        if text := getattr(contact, field):
            vault.seal_into(record, field, text)
        else:
            setattr(record, field, None)
    record.phone_index = blind_index(contact.phone, field="phone")
    return record


def opened(record: IdentityRecord) -> Contact:
    """Everything that is sealed in a record."""
    return Contact(**{field: vault.open_of(record, field) for field in IdentityRecord.sealed})


def with_phone(contact: Contact, raw: str, region: str) -> Contact:
    """The same person with another phone number."""
    return replace(contact, phone=normalise_phone(raw, region))


def _refuse_known(person: bytes) -> None:
    known = Participant.objects.filter(identity__person_index=person).first()
    if known is not None:
        raise AlreadyRegistered(_("You are registered in this study already."), known)


def _save_under_new_study_id(participant: Participant, record: IdentityRecord) -> None:
    for _draw in range(STUDY_ID_DRAWS):
        participant.study_id = new_study_id()
        try:
            with transaction.atomic():
                participant.save(force_insert=True)
                record.participant = participant
                record.save(force_insert=True)
        except IntegrityError:
            _refuse_known(record.person_index)
            if Participant.objects.filter(study_id=participant.study_id).exists():
                continue
            raise
        return
    raise RuntimeError("No free study id in twenty draws: the installation has too many participants.")
