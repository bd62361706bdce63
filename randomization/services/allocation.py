"""Giving a participant the next place on the list, in order and for good."""

from datetime import datetime
from typing import Any

from django.db import connection, transaction

from randomization.conditions import OfSite, Readiness, Source, judge
from randomization.decisions import decide
from randomization.designs import MinimizationDesign
from randomization.errors import ListExhausted, NotReady
from randomization.models import Allocation, Place, Stratum
from randomization.services.notices import tell_randomized
from screening.standing import standing_of
from trial.accounts.models import User
from trial.core.db import rows
from trial.people.models import Participant
from trial.people.services import lock_participant

LOCK_TRIAL = """
SELECT FROM protocol_trial
 WHERE id = (SELECT trial_id FROM people_participant WHERE id = %s)
   FOR NO KEY UPDATE
"""
TAKE = """
WITH stratum AS (
    UPDATE randomization_stratum SET used = used + 1
     WHERE id = %(stratum)s AND used < places
    RETURNING id, used
)
SELECT place.id, place.stratum_id, place.position, place.content, place.code
  FROM randomization_place AS place
  JOIN stratum ON place.stratum_id = stratum.id AND place.position = stratum.used
"""


@transaction.atomic
def allocate(*, participant: Participant, by: User, now: datetime) -> Allocation:
    """Give the participant the next place on the sealed list of their stratum, or the place of their site.

    A second call returns the first allocation. The participant's row is locked first, so no status (a
    withdrawal, say) can be added between check and commit; then the trial's, so that its target, status and
    version stand still; then the stratum's counter, so places are given one at a time and in order. Raises
    NotReady with what is missing, or ListExhausted.
    """
    lock_participant(participant)
    standing = standing_of(participant, now)
    _lock_trial_of(participant)
    ready = judge(participant, standing)
    if ready.allocation:
        return Allocation.objects.get(pk=ready.allocation)
    allocation = Allocation.objects.create(
        participant=participant,
        protocol_version=ready.version,
        at=now,
        by=by,
        **_given(_source(ready)),
    )
    tell_randomized(allocation)
    return allocation


def _lock_trial_of(participant: Participant) -> None:
    with connection.cursor() as cursor:
        cursor.execute(LOCK_TRIAL, [participant.pk])


def _source(ready: Readiness) -> Source:
    """Where the place comes from, once everything holds."""
    if [condition.key for condition in ready.missing] == ["place"]:
        raise ListExhausted
    if ready.missing or ready.source is None:
        raise NotReady([condition.label for condition in ready.missing])
    return ready.source


def _given(source: Source) -> dict[str, Any]:
    """The place, and what goes with it: whose it was, or how it was decided."""
    if isinstance(source, OfSite):
        return {"place": source.cluster.place, "cluster": source.cluster}
    place = _take_next(source.stratum)
    if isinstance(source.design, MinimizationDesign):
        return {"place": place, "decision": decide(source.design, source.levels, place)}
    return {"place": place}


def _take_next(stratum: Stratum) -> Place:
    """Count up by one and take the place with that number, in one statement."""
    taken = rows(Place, TAKE, {"stratum": stratum.pk})
    if not taken:
        raise ListExhausted
    [place] = taken
    place.stratum = stratum
    return place
