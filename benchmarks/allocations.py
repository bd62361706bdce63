"""Allocations per second through the service, against bare SQL that takes the same locks.

Both write the same rows, past the same triggers.
`python -m benchmarks.allocations` starts a database of its own and prints both and their ratio.
"""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context

import django

CLIENTS = 4
PARTICIPANTS = 240


@dataclass(frozen=True)
class Result:
    service: float
    bare: float

    @property
    def ratio(self) -> float:
        return self.service / self.bare


def measure() -> Result:
    """Half of the participants are allocated by the service, half by bare SQL, by as many clients at once."""
    from django.db import connection

    from randomization.verification import verify
    from tests.factories import make_trial, make_user, make_verified_participant, seal
    from trial.audit.context import acting

    with acting("system:benchmark"):
        changes = {"places_per_stratum = 40": f"places_per_stratum = {2 * PARTICIPANTS}"}
        trials = [make_trial(slug, changes=changes) for slug in ("service", "bare")]
        speeds = []
        for trial, way in zip(trials, (_by_service, _by_bare_sql), strict=True):
            seal(trial)
            coordinator = make_user("coordinator", trial=trial)
            people = [make_verified_participant(trial, by=coordinator).pk for _ in range(PARTICIPANTS)]
            speeds.append(_speed(way, people, coordinator.pk))
            assert verify(trial).allocations == PARTICIPANTS
        connection.close()
    return Result(*speeds)


def _speed(way: Callable[[Sequence[int], int], None], people: list[int], by: int) -> float:
    shares = [people[client::CLIENTS] for client in range(CLIENTS)]
    with ProcessPoolExecutor(CLIENTS, get_context("spawn"), initializer=django.setup) as clients:
        list(clients.map(way, [[]] * CLIENTS, [by] * CLIENTS))  # imports and connections are not measured
        started = time.perf_counter()
        list(clients.map(way, shares, [by] * CLIENTS))
        return len(people) / (time.perf_counter() - started)


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


def _by_bare_sql(people: Sequence[int], by: int) -> None:
    """The participant's row and the stratum's counter locked, one place taken, one row written."""
    import psycopg
    from django.db import connection

    from randomization.models import SealedList, Stratum
    from tests.factories import NOW

    sealed = SealedList.objects.get(trial__slug="bare")
    stratum = Stratum.objects.get(sealed_list=sealed, key="site=north;complaint=body").pk
    connection.close()
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as bare:
        bare.execute("SELECT set_config('tilbake.actor', 'system:benchmark', false)")
        for pk in people:
            with bare.transaction():
                bare.execute("SELECT id FROM people_participant WHERE id = %s FOR UPDATE", [pk])
                bare.execute("SELECT id FROM randomization_stratum WHERE id = %s FOR UPDATE", [stratum])
                place = bare.execute(BARE, {"stratum": stratum}).fetchone()
                bare.execute(
                    "INSERT INTO randomization_allocation"
                    " (participant_id, place_id, protocol_version_id, at, by_id) VALUES (%s, %s, %s, %s, %s)",
                    [pk, place[0], sealed.protocol_version_id, NOW, by],
                )


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    from tests import servers

    with ExitStack() as stack:
        servers.start(stack)
        application, owner, _superuser = stack.enter_context(servers.database("benchmark"))
        os.environ |= {"DATABASE_URL": application, "OWNER_DATABASE_URL": owner}
        django.setup()
        result = measure()
    print(
        f"allocations: {result.service:.0f} per second through the service, {result.bare:.0f} by bare SQL: "
        f"ratio {result.ratio:.2f}"
    )


if __name__ == "__main__":
    main()
