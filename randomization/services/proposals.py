"""Two persons: one statistician proposes, another one approves, and only then is anything sealed."""

from datetime import UTC, datetime

from django.db import transaction
from django.utils.translation import gettext as _

from randomization.design import design_of
from randomization.designs import design_from
from randomization.errors import AlreadySealed, ProposalOutdated, SecondPersonNeeded
from randomization.importing import ImportedList
from randomization.models import ListExtension, SealedList, SealProposal
from randomization.sealing import seal, unseal
from randomization.selectors import waiting_proposal
from randomization.services.extension import extend, read_more, refuse_what_is_final
from randomization.services.sealing import read_imported, seal_version
from trial.accounts.models import User
from trial.accounts.permissions import Permission
from trial.people.errors import NotPermitted
from trial.people.selectors import has_permission
from trial.protocol.models import Trial
from trial.protocol.selectors import active_version, protocol_of


@transaction.atomic
def propose_list(
    *,
    trial: Trial,
    by: User,
    now: datetime,
    imported: bytes | None = None,
    key: bytes | None = None,
    as_it_is: bool = False,
) -> SealProposal:
    """Ask another statistician to seal the list; or, where an imported list is sealed, to append this file.

    A blinded table and its `key` wait as one file. A newer proposal replaces the one before. Raises whatever
    sealing or appending it would raise.
    """
    Trial.objects.select_for_update().get(pk=trial.pk)
    version = active_version(trial)
    sealed = SealedList.objects.filter(trial=trial).first()
    if sealed is None:
        protocol = protocol_of(version)
        design = design_of(protocol)
        design.refuse_what_can_be_guessed()
        file = read_imported(protocol, design, imported, key, as_it_is=as_it_is)
    else:
        file = read_more(sealed, imported, key)
        if file is None:
            raise AlreadySealed
        refuse_what_is_final(sealed, design_from(sealed.design))
    proposal = SealProposal(protocol_version=version, at=now, by=by)
    if file:
        proposal.imported = seal(file.file, table="sealproposal", row=_row(proposal), field="imported")
    proposal.save(force_insert=True)
    return proposal


@transaction.atomic
def approve_proposal(*, proposal: SealProposal, by: User, now: datetime) -> SealedList | ListExtension:
    """Seal what somebody else has proposed, in both their names.

    Raises SecondPersonNeeded for the proposer, NotPermitted for whoever may not seal, ProposalOutdated for
    any proposal but the one that waits, and whatever sealing or appending raises.
    """
    trial = proposal.protocol_version.trial
    Trial.objects.select_for_update().get(pk=trial.pk)
    if not has_permission(by, Permission.SEAL_LIST, trial=trial):
        raise NotPermitted(_("You may not seal the list of this trial."))
    if proposal.by_id == by.pk:
        raise SecondPersonNeeded
    if waiting_proposal(trial) != proposal:
        raise ProposalOutdated
    sealed = SealedList.objects.filter(trial=trial).first()
    imported = file_of(proposal)
    if sealed is None:
        return seal_version(
            proposal.protocol_version, by=by, now=now, imported=imported, as_it_is=True, proposal=proposal
        )
    return extend(sealed, by=by, now=now, imported=imported, proposal=proposal)


def proposed_list(proposal: SealProposal) -> ImportedList | None:
    """What the proposed file says; None where the list is made from a seed. For a count, never for a page."""
    imported = file_of(proposal)
    if imported is None:
        return None
    sealed = SealedList.objects.filter(trial=proposal.protocol_version.trial).first()
    if sealed:
        return read_more(sealed, imported)
    protocol = protocol_of(proposal.protocol_version)
    return read_imported(protocol, design_of(protocol), imported, as_it_is=True)


def file_of(proposal: SealProposal) -> bytes | None:
    """The proposed file; None where the list is made from a seed."""
    if proposal.imported is None:
        return None
    return unseal(bytes(proposal.imported), table="sealproposal", row=_row(proposal), field="imported")


def _row(proposal: SealProposal) -> str:
    """What the file is bound to: known before the row has a number."""
    at = proposal.at.astimezone(UTC).isoformat()
    return f"{proposal.protocol_version_id}/{proposal.by_id}/{at}"
