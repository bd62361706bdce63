"""Giving a participant the next place on the list, in order and for good."""

from datetime import datetime

from django.db import transaction

from randomization.conditions import Readiness, readiness
from randomization.errors import ListExhausted, NotReady, NotSealed
from randomization.models import Allocation, Place, Stratum
from trial.accounts.models import User
from trial.people.models import Participant


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
