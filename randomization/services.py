"""The two acts of randomization: sealing a trial's list, and giving a participant the next place on it."""

import secrets
from datetime import datetime

from django.db import transaction

from randomization.conditions import Readiness, readiness
from randomization.design import design_of
from randomization.drbg import SEED_BYTES
from randomization.errors import AlreadySealed, ListExhausted, NotReady, NotSealed
from randomization.lists import (
    NONCE_BYTES,
    PairDesign,
    Places,
    canonical,
    commitment,
    make_lists,
    stratum_key,
)
from randomization.models import Allocation, ClusterAllocation, Place, SealedList, Stratum
from randomization.sealing import seal, seal_arm
from trial.accounts.models import User
from trial.core import chance
from trial.people.models import Participant, Site
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
    places = make_lists(seed, trial=trial.slug, design=design)
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
    _write(sealed, places, used_at_once=isinstance(design, PairDesign))
    if isinstance(design, PairDesign):
        _allocate_sites(sealed, design, now)
    return sealed


def _write(sealed: SealedList, places: Places, *, used_at_once: bool) -> None:
    strata = Stratum.objects.bulk_create(
        Stratum(sealed_list=sealed, key=key, places=len(arms), used=len(arms) if used_at_once else 0)
        for key, arms in places.items()
    )
    Place.objects.bulk_create(
        (
            Place(
                stratum=stratum,
                position=position,
                arm=seal_arm(arm, list_id=sealed.pk, stratum=stratum.key, position=position),
            )
            for stratum in strata
            for position, arm in enumerate(places[stratum.key], start=1)
        ),
        batch_size=5000,
    )


def _allocate_sites(sealed: SealedList, design: PairDesign, now: datetime) -> None:
    sites = {site.key: site for site in Site.objects.filter(trial=sealed.trial)}
    given = {
        (place.stratum.key, place.position): place
        for place in Place.objects.filter(stratum__sealed_list=sealed).select_related("stratum")
    }
    ClusterAllocation.objects.bulk_create(
        ClusterAllocation(site=sites[key], place=given[stratum_key({"pair": pair}), position], at=now)
        for pair, keys in design.pairs.items()
        for position, key in enumerate(sorted(keys), start=1)
    )


@transaction.atomic
def allocate(*, participant: Participant, by: User, now: datetime) -> Allocation:
    """Give the participant the next place on the sealed list of their stratum, or the place of their site.

    A second call returns the first allocation. The participant's row is locked first, so no status (a
    withdrawal, say) can be added between check and commit; then the stratum's counter, so places are given
    one at a time and in order. Raises NotReady with what is missing, or ListExhausted.
    """
    participant = _lock(participant)
    if existing := Allocation.objects.filter(participant=participant).first():
        return existing
    ready = readiness(participant, now=now)
    if ready.missing:
        raise NotReady(ready.missing)
    return Allocation.objects.create(
        participant=participant,
        place=_place_for(ready),
        cluster=ready.cluster,
        protocol_version=ready.version,
        at=now,
        by=by,
    )


def _lock(participant: Participant) -> Participant:
    locked = Participant.objects.select_for_update(of=("self",)).select_related("trial", "site")
    return locked.get(pk=participant.pk)


def _place_for(ready: Readiness) -> Place:
    if ready.cluster:
        return ready.cluster.place
    if ready.stratum is None:
        raise NotSealed
    return _next_place(ready.stratum)


def _next_place(stratum: Stratum) -> Place:
    stratum = Stratum.objects.select_for_update().get(pk=stratum.pk)
    if stratum.used == stratum.places:
        raise ListExhausted
    stratum.used += 1
    stratum.save(update_fields=["used"])
    return Place.objects.get(stratum=stratum, position=stratum.used)
