"""Sealing a trial's list: once, for good."""

import secrets
from collections.abc import Collection, Mapping
from datetime import datetime

from django.db import transaction

from randomization.design import design_of
from randomization.designs import NONCE_BYTES, ClusterDesign, PairDesign, Places, canonical, commitment
from randomization.drbg import SEED_BYTES
from randomization.errors import AlreadySealed
from randomization.models import ClusterAllocation, Place, SealedList, Stratum
from randomization.sealing import seal, seal_place
from trial.accounts.models import User
from trial.core import chance
from trial.people.models import Site
from trial.protocol.models import Trial
from trial.protocol.selectors import active_version, protocol_of


@transaction.atomic
def seal_lists(*, trial: Trial, by: User, now: datetime) -> SealedList:
    """Make the trial's list from a new secret seed, seal it and publish its commitment; once, for good.

    In a trial of paired sites the sites are allocated at the same time. Raises AlreadySealed; DesignRefused
    where the design in force could be guessed or cannot be carried out.
    """
    Trial.objects.select_for_update().get(pk=trial.pk)
    if SealedList.objects.filter(trial=trial).exists():
        raise AlreadySealed
    version = active_version(trial)
    design = design_of(protocol_of(version))
    seed, nonce = chance.token_bytes(SEED_BYTES), secrets.token_bytes(NONCE_BYTES)
    places = design.list_from(seed, trial=trial.slug)
    sealed = SealedList(
        trial=trial,
        protocol_version=version,
        design=design.as_json(),
        commitment=commitment(nonce, canonical(trial.slug, design, places)),
        sealed_at=now,
        sealed_by=by,
    )
    sealed.seed = seal(seed, table="sealedlist", row=str(sealed.pk), field="seed")
    sealed.nonce = seal(nonce, table="sealedlist", row=str(sealed.pk), field="nonce")
    sealed.save(force_insert=True)
    at_once = design.where() if isinstance(design, ClusterDesign | PairDesign) else {}
    _write(sealed, places, used_at_once={stratum for stratum, _position in at_once.values()})
    _allocate_sites(sealed, at_once, now)
    return sealed


def _write(sealed: SealedList, places: Places, *, used_at_once: Collection[str]) -> None:
    strata = Stratum.objects.bulk_create(
        Stratum(sealed_list=sealed, key=key, places=len(held), used=len(held) if key in used_at_once else 0)
        for key, held in places.items()
    )
    Place.objects.bulk_create(
        (
            Place(
                stratum=stratum,
                position=position,
                content=seal_place(holds, list_id=sealed.pk, stratum=stratum.key, position=position),
            )
            for stratum in strata
            for position, holds in enumerate(places[stratum.key], start=1)
        ),
        batch_size=5000,
    )


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
