"""Giving a participant the next place on the list, in order and for good."""

from datetime import datetime

from django.db import transaction

from randomization.conditions import Readiness, readiness
from randomization.decisions import Tally, decisions, seal_decision
from randomization.design import levels_of
from randomization.designs import MinimizationDesign, design_from
from randomization.errors import ListExhausted, NotReady, NotSealed
from randomization.models import Allocation, Place, Stratum
from randomization.sealing import unseal_place
from trial.accounts.models import User
from trial.people.models import Participant
from trial.protocol.selectors import protocol_of


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
    place = _place_for(ready)
    return Allocation.objects.create(
        participant=participant,
        place=place,
        decision=_decision(participant, place),
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


def _decision(participant: Participant, place: Place) -> bytes | None:
    """Minimization decides now, by the place's draw and by all who came before; the counter is locked."""
    sealed = place.stratum.sealed_list
    design = design_from(sealed.design)
    if not isinstance(design, MinimizationDesign):
        return None
    levels = levels_of(participant, protocol_of(sealed.protocol_version))
    before = Tally(made.decision for made in decisions(sealed))
    content = unseal_place(
        bytes(place.content), list_id=sealed.pk, stratum=place.stratum.key, position=place.position
    )
    decision = design.decide(levels, before.counts, int(content))
    return seal_decision(decision, list_id=sealed.pk, position=place.position)
