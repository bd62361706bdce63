"""Seconds for an allocation by minimization after ten thousand others, against one after a hundred.

`python -m benchmarks.minimization` fills two trials and lets them take turns in a new process. Each decision
depends on all before it, which stand sealed in the database: a process opens them at its first allocation,
whose seconds stand by themselves, and later only what others have added.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from statistics import median

import django

from benchmarks.database import own_database

FEW, MANY = 100, 10_000
TURNS = 200


@dataclass(frozen=True)
class Result:
    after_few: float
    after_many: float
    opening: float
    """Seconds of the first one after many."""


def measure() -> Result:
    from django.db import connection

    from randomization.services import allocate
    from randomization.verification import verify
    from tests.factories import NOW, by_method, make_trial, make_user, make_verified_participant, seal
    from trial.audit.context import acting
    from trial.rehearsal.crowd import copies_of

    places = MANY + TURNS + 1
    changes = {
        old: new.replace("places_per_stratum = 400", f"places_per_stratum = {places}")
        for old, new in by_method("minimization").items()
    }
    trials, waiting = [], []
    with acting("system:benchmark"):
        for before in (FEW, MANY):
            trial = make_trial(f"after-{before}", changes=changes | {"target = 400": f"target = {places}"})
            seal(trial)
            by = make_user("coordinator", trial=trial)
            one = make_verified_participant(trial, by=by)
            people = [one, *copies_of(one, before + TURNS)]
            for participant in people[:before]:
                allocate(participant=participant, by=by, now=NOW)
            trials.append(trial)
            waiting.append([participant.pk for participant in people[before:]])
        connection.close()
        with ProcessPoolExecutor(1, get_context("spawn"), django.setup) as new_process:
            result = new_process.submit(_take_turns, *waiting, by.pk).result()
        assert [verify(trial).allocations for trial in trials] == [FEW + TURNS + 1, places]
        connection.close()
    return result


def _take_turns(after_few: Sequence[int], after_many: Sequence[int], by: int) -> Result:
    """The first one after few is not measured: it loads what any first allocation does."""
    _seconds(after_few[0], by)
    opening = _seconds(after_many[0], by)
    turns = zip(after_few[1:], after_many[1:], strict=True)
    few, many = zip(*((_seconds(one, by), _seconds(other, by)) for one, other in turns), strict=True)
    return Result(median(few), median(many), opening)


def _seconds(participant: int, by: int) -> float:
    from randomization.services import allocate
    from tests.factories import NOW
    from trial.accounts.models import User
    from trial.audit.context import acting
    from trial.people.models import Participant

    with acting("system:benchmark"):
        user = User.objects.get(pk=by)
        started = time.perf_counter()
        allocate(participant=Participant(pk=participant), by=user, now=NOW)
        return time.perf_counter() - started


def main() -> None:
    with own_database():
        result = measure()
    print(
        f"minimization: an allocation after {FEW} others takes {1000 * result.after_few:.1f} ms, after "
        f"{MANY:,} {1000 * result.after_many:.1f} ms: ratio {result.after_few / result.after_many:.2f}; "
        f"a new process opens the {MANY:,} in {result.opening:.2f} s"
    )


if __name__ == "__main__":
    main()
