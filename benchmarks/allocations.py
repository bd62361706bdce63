"""Allocations per second through the service, against bare SQL that takes the same locks.

Both write the same rows, past the same triggers.
`python -m benchmarks.allocations` starts a database of its own and prints both and their ratio.
"""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import django

from benchmarks.database import own_database

if TYPE_CHECKING:
    from randomization.models import SealedList

CLIENTS = 4
PARTICIPANTS = 240
WARM_UP = 8 * CLIENTS
"""So many come before the clock runs: imports, connections and plans of statements are not measured."""
ROUNDS = 4
"""The two ways take turns, so that a machine that is busy for a while is busy for both."""

Way = Callable[[Sequence[int], int], None]


@dataclass(frozen=True)
class Result:
    service: float
    bare: float

    @property
    def ratio(self) -> float:
        return self.service / self.bare


def measure() -> Result:
    """As many participants are allocated by the service as by bare SQL, by as many clients at once."""
    from django.db import connection

    from randomization.verification import verify
    from tests.factories import make_trial, make_user, make_verified_participant, seal
    from trial.audit.context import acting

    with acting("system:benchmark"):
        count = WARM_UP + PARTICIPANTS
        changes = {"places_per_stratum = 40": f"places_per_stratum = {2 * count}"}
        changes |= {"target = 400": f"target = {10 * count}"}
        trials = [make_trial(slug, changes=changes) for slug in ("service", "bare")]
        people = []
        for trial in trials:
            seal(trial)
            by = make_user("coordinator", trial=trial)
            people.append([make_verified_participant(trial, by=by).pk for _ in range(count)])
        connection.close()
        result = _speeds(people, by.pk)
        assert [verify(trial).allocations for trial in trials] == [count, count]
        connection.close()
    return result


def _speeds(people: list[list[int]], by: int) -> Result:
    ways: tuple[Way, Way] = (_by_service, _by_bare_sql)
    seconds = [0.0, 0.0]
    spawn = get_context("spawn")
    with ProcessPoolExecutor(CLIENTS, spawn, _begin, [spawn.Barrier(CLIENTS)]) as clients:
        for way, waiting in zip(ways, people, strict=True):
            _time(clients, way, waiting[:WARM_UP], by)
        for number in range(ROUNDS):
            for turn, (way, waiting) in enumerate(zip(ways, people, strict=True)):
                seconds[turn] += _time(clients, way, waiting[WARM_UP + number :: ROUNDS], by)
    return Result(*(PARTICIPANTS / spent for spent in seconds))


def _time(clients: ProcessPoolExecutor, way: Way, people: list[int], by: int) -> float:
    """Seconds until every client has allocated its share."""
    started = time.perf_counter()
    shares = [people[client::CLIENTS] for client in range(CLIENTS)]
    list(clients.map(_together, [way] * CLIENTS, shares, [by] * CLIENTS))
    return time.perf_counter() - started


_ready: dict[str, Any] = {}


def _begin(barrier: Any) -> None:
    _ready["all"] = barrier
    django.setup()


def _together(way: Way, people: Sequence[int], by: int) -> None:
    """Each client takes one share: nobody begins a second one while another client still starts."""
    _ready["all"].wait(60)
    way(people, by)


def _by_service(people: Sequence[int], by: int) -> None:
    from randomization.services import allocate
    from tests.factories import NOW
    from trial.accounts.models import User
    from trial.audit.context import acting
    from trial.people.models import Participant

    with acting("system:benchmark"):
        user = User.objects.get(pk=by)
        for pk in people:
            allocate(participant=Participant(pk=pk), by=user, now=NOW)


BARE = """
WITH stratum AS (
    UPDATE randomization_stratum SET used = used + 1 WHERE id = %(stratum)s RETURNING id, used
)
SELECT place.id FROM randomization_place place
JOIN stratum ON place.stratum_id = stratum.id AND place.position = stratum.used
"""


@cache
def _bare() -> "tuple[Any, SealedList, int]":
    """A connection of its own, and what is locked and written."""
    import psycopg
    from django.db import connection

    from randomization.models import SealedList, Stratum

    sealed = SealedList.objects.get(trial__slug="bare")
    stratum = Stratum.objects.get(sealed_list=sealed, key="site=north;complaint=body").pk
    connection.close()
    bare = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
    bare.execute("SELECT set_config('tilbake.actor', 'system:benchmark', false)")
    return bare, sealed, stratum


def _by_bare_sql(people: Sequence[int], by: int) -> None:
    """The participant's and the trial's row locked, the stratum's counter counted up, one row written."""
    from tests.factories import NOW

    bare, sealed, stratum = _bare()
    for pk in people:
        with bare.transaction():
            bare.execute("SELECT id FROM people_participant WHERE id = %s FOR UPDATE", [pk])
            bare.execute("SELECT id FROM protocol_trial WHERE id = %s FOR SHARE", [sealed.trial_id])
            place = bare.execute(BARE, {"stratum": stratum}).fetchone()
            bare.execute(
                "INSERT INTO randomization_allocation"
                " (participant_id, place_id, protocol_version_id, at, by_id) VALUES (%s, %s, %s, %s, %s)",
                [pk, place[0], sealed.protocol_version_id, NOW, by],
            )


def main() -> None:
    with own_database():
        result = measure()
    print(
        f"allocations: {result.service:.0f} per second through the service, {result.bare:.0f} by bare SQL: "
        f"ratio {result.ratio:.2f}"
    )


if __name__ == "__main__":
    main()
