"""Sealing a trial's list: once, for good, by one statistician or by two."""

import secrets
from collections.abc import Collection, Mapping
from datetime import datetime

from django.db import transaction

from randomization.design import design_of
from randomization.designs import (
    NONCE_BYTES,
    Design,
    ImportedDesign,
    Places,
    SitesDesign,
    canonical,
    commitment,
)
from randomization.drbg import SEED_BYTES
from randomization.errors import AlreadySealed, ListMissing, ListNotWanted, SecondPersonNeeded
from randomization.importing import ImportedList, ListUnusual, read_list, words_of
from randomization.models import ClusterAllocation, Place, SealedList, SealProposal, Stratum
from randomization.sealing import seal
from randomization.services.places import Codes, write_places
from trial.accounts.models import User
from trial.core import chance
from trial.people.models import Site
from trial.protocol.models import ProtocolVersion, Trial
from trial.protocol.schema import Protocol
from trial.protocol.selectors import active_version, protocol_of


@transaction.atomic
def seal_lists(
    *,
    trial: Trial,
    by: User,
    now: datetime,
    imported: bytes | None = None,
    key: bytes | None = None,
    as_it_is: bool = False,
) -> SealedList:
    """Make the trial's list from a new secret seed, or take the imported file; seal it and publish its
    commitment: once, for good.

    In a cluster trial the sites are allocated at the same time. Raises AlreadySealed; SecondPersonNeeded in
    a trial that asks for two; DesignRefused where the design in force could be guessed or cannot be carried
    out; ListNotWanted for a file where the list is made here. Where it is made elsewhere, with a `key` if its
    table is blinded: ListMissing, ListRefused, and ListUnusual unless it is wanted `as_it_is`.
    """
    refuse_if_sealed(trial)
    version = active_version(trial)
    if protocol_of(version).randomization.two_person_seal:
        raise SecondPersonNeeded
    return seal_version(version, by=by, now=now, imported=imported, key=key, as_it_is=as_it_is)


def refuse_if_sealed(trial: Trial) -> None:
    """Locks the trial, so that nobody seals or proposes meanwhile. Raises AlreadySealed."""
    Trial.objects.select_for_update().get(pk=trial.pk)
    if SealedList.objects.filter(trial=trial).exists():
        raise AlreadySealed


def read_imported(
    protocol: Protocol, design: Design, imported: bytes | None, key: bytes | None = None, *, as_it_is: bool
) -> ImportedList | None:
    """What the file says; None where the list is made here.

    Raises ListMissing, ListNotWanted, ListRefused, ListUnusual.
    """
    if not isinstance(design, ImportedDesign):
        if imported is not None or key is not None:
            raise ListNotWanted
        return None
    if not imported:
        raise ListMissing
    file = read_list(imported, key=key, design=design, words=words_of(protocol))
    if file.notes and not as_it_is:
        raise ListUnusual(file.notes)
    return file


def seal_version(
    version: ProtocolVersion,
    *,
    by: User,
    now: datetime,
    imported: bytes | None,
    key: bytes | None = None,
    as_it_is: bool,
    proposal: SealProposal | None = None,
) -> SealedList:
    """Within a transaction that holds the trial, after everything that may refuse it."""
    protocol, trial = protocol_of(version), version.trial
    design = design_of(protocol)
    design.refuse_what_can_be_guessed()
    file = read_imported(protocol, design, imported, key, as_it_is=as_it_is)
    seed = None if file else chance.token_bytes(SEED_BYTES)
    places: Places = file.places if file else design.list_from(seed or b"", trial=trial.slug)
    nonce = secrets.token_bytes(NONCE_BYTES)
    sealed = SealedList(
        trial=trial,
        protocol_version=version,
        design=design.as_json(),
        commitment=commitment(nonce, canonical(trial.slug, design, places)),
        sealed_at=now,
        sealed_by=by,
        proposal=proposal,
    )
    sealed.nonce = seal(nonce, table="sealedlist", row=str(sealed.pk), field="nonce")
    if seed:
        sealed.seed = seal(seed, table="sealedlist", row=str(sealed.pk), field="seed")
    sealed.save(force_insert=True)
    at_once = design.where() if isinstance(design, SitesDesign) else {}
    used_at_once = {stratum for stratum, _position in at_once.values()}
    _write(sealed, places, file.codes if file else {}, used_at_once=used_at_once)
    _allocate_sites(sealed, at_once, now)
    return sealed


def _write(sealed: SealedList, places: Places, codes: Codes, *, used_at_once: Collection[str]) -> None:
    strata = Stratum.objects.bulk_create(
        Stratum(sealed_list=sealed, key=key, places=len(held), used=len(held) if key in used_at_once else 0)
        for key, held in places.items()
    )
    write_places(strata, places, codes, after={})


def _allocate_sites(sealed: SealedList, where: Mapping[str, tuple[str, int]], now: datetime) -> None:
    sites = {site.key: site for site in Site.objects.filter(trial=sealed.trial)}
    places = {
        (place.stratum.key, place.position): place
        for place in Place.objects.filter(stratum__sealed_list=sealed, stratum__used__gt=0).select_related(
            "stratum"
        )
    }
    ClusterAllocation.objects.bulk_create(
        ClusterAllocation(site=sites[key], place=places[stratum, position], at=now)
        for key, (stratum, position) in where.items()
    )
