"""Everything that is written about people, one function per act."""

from trial.people.services.codes import (
    issue_code,
    issue_codes_for_phone,
    issue_long_codes,
    participant_by_code,
    redeem_code,
    redeem_code_for_phone,
)
from trial.people.services.identity import (
    Identity,
    change_phone,
    disclose_identity,
    phones_for_sending,
    read_identity,
)
from trial.people.services.members import close_site, end_membership, grant, must_grant, open_site, sync_sites
from trial.people.services.protocol import put_in_force
from trial.people.services.registration import Contact, normalise_contact, register_participant
from trial.people.services.status import add_status, lock_participant

__all__ = [
    "Contact",
    "Identity",
    "add_status",
    "change_phone",
    "close_site",
    "disclose_identity",
    "end_membership",
    "grant",
    "issue_code",
    "issue_codes_for_phone",
    "issue_long_codes",
    "lock_participant",
    "must_grant",
    "normalise_contact",
    "open_site",
    "participant_by_code",
    "phones_for_sending",
    "put_in_force",
    "read_identity",
    "redeem_code",
    "redeem_code_for_phone",
    "register_participant",
    "sync_sites",
]
