"""Giving a participant the next place on the list, in order and for good."""

from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction

from randomization.conditions import OfSite, OfStratum, Readiness, Source, readiness
from randomization.decisions import decide
from randomization.designs import MinimizationDesign
from randomization.errors import ListExhausted, NotReady
from randomization.models import Allocation, Place, Stratum
from randomization.services.notices import tell_randomized
from trial.accounts.models import User
from trial.core.db import rows
from trial.people.models import Participant

LOCK = """
SELECT FROM people_participant AS participant
  JOIN protocol_trial AS trial ON trial.id = participant.trial_id
 WHERE participant.id = %s
   FOR UPDATE OF participant
   FOR {} OF trial
"""
SIDE_BY_SIDE, ALONE = LOCK.format("SHARE"), LOCK.format("NO KEY UPDATE")
GIVE = """
WITH stratum AS (
    UPDATE randomization_stratum SET used = used + 1
     WHERE id = %(stratum)s AND used < places
    RETURNING id, used
)
INSERT INTO randomization_allocation (participant_id, place_id, decision, protocol_version_id, at, by_id)
SELECT %(participant)s, place.id, %(decision)s::bytea, %(version)s, %(at)s, %(by)s
  FROM randomization_place AS place
  JOIN stratum ON place.stratum_id = stratum.id AND place.position = stratum.used
RETURNING id, place_id
"""


class Given(NamedTuple):
    """What was written: ids."""

    allocation: int
    place: int


class _NearTarget(Exception):
    """This one must be alone in its trial, since the count of those before it must be exact."""


def allocate(*, participant: Participant, by: User, now: datetime) -> Allocation:
    """Give the participant the next place on the sealed list of their stratum, or the place of their site.

    A second call returns the first allocation. The participant's row is locked first, so no status (a
    withdrawal, say) can be added between check and commit; and the trial's, so that its status and version
    stand still, and near the target also the number of the randomized; then the stratum's counter, so places
    are given one at a time and in order. Not to be called several times in one transaction, which would hold
    the trial for others. Raises NotReady with what is missing, or ListExhausted.
    """
    try:
        return _allocate(participant, by, now)
    except _NearTarget:
        return _allocate(participant, by, now, alone=True)


@transaction.atomic
def _allocate(participant: Participant, by: User, now: datetime, *, alone: bool = False) -> Allocation:
    with connection.cursor() as cursor:
        cursor.execute(ALONE if alone else SIDE_BY_SIDE, [participant.pk])
    ready = readiness(participant)
    if ready.allocation:
        return Allocation.objects.get(pk=ready.allocation)
    if ready.is_near_target and not alone:
        raise _NearTarget
    source = _source(ready)
    allocation = Allocation(participant=participant, protocol_version=ready.version, at=now, by=by)
    if isinstance(source, OfSite):
        _inherit(allocation, source)
    else:
        _give_next(allocation, source)
    tell_randomized(allocation)
    return allocation


def _source(ready: Readiness) -> Source:
    """Where the place comes from, once everything holds."""
    if [condition.key for condition in ready.missing] == ["place"]:
        raise ListExhausted
    if ready.missing or ready.source is None:
        raise NotReady([condition.label for condition in ready.missing])
    return ready.source


def _inherit(allocation: Allocation, source: OfSite) -> None:
    allocation.cluster, allocation.place = source.cluster, source.cluster.place
    allocation.save(force_insert=True)


def _give_next(allocation: Allocation, source: OfStratum) -> None:
    """Count up by one and write down the place with that number, in one statement."""
    if isinstance(source.design, MinimizationDesign):
        allocation.decision = _decision(source, source.design)
    values = {
        "stratum": source.stratum.pk,
        "participant": allocation.participant_id,
        "decision": allocation.decision,
        "version": allocation.protocol_version_id,
        "at": allocation.at,
        "by": allocation.by_id,
    }
    for given in rows(Given, GIVE, values):
        allocation.pk, allocation.place_id = given
        return
    raise ListExhausted


def _decision(source: OfStratum, design: MinimizationDesign) -> bytes:
    """By the draw of the next place, which stays the next one: its counter is locked."""
    stratum = Stratum.objects.select_for_update(no_key=True).get(pk=source.stratum.pk)
    place = Place.objects.select_related("stratum").filter(stratum=stratum, position=stratum.used + 1).first()
    if place is None:
        raise ListExhausted
    return decide(design, source.levels, place)
