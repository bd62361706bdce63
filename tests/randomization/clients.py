"""Clients to be killed, in processes of their own: `python -m tests.randomization.clients ACT DIRECTORY …`.

Each client writes down what it was shown after each click, and forces that to the disk. Whatever stands in
those files in the end must stand in the database.
"""

import json
import os
import random
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import django
import psycopg

if __name__ == "__main__":
    django.setup()

from django.db import InterfaceError, OperationalError, connection

from randomization.drill_clients import Shown, clicked
from randomization.models import Allocation
from randomization.selectors import arms_for_analysis
from randomization.verification import verify
from tests.factories import NOW, make_trial, make_user, make_verified_participant, seal
from trial.audit.context import acting
from trial.audit.models import AuditEvent
from trial.protocol.models import Trial
from trial.rehearsal.crowd import copies_of

STRATA = (("north", "pain"), ("north", "mind"), ("south", "pain"), ("south", "mind"))
GONE = (OperationalError, InterfaceError, psycopg.Error)
"""What a client meets while PostgreSQL is down."""
CLICKED_AGAIN = 3
"""So many of the last clicks does a new client make once more that stands in for a killed one."""


def prepare(directory: Path, people: str) -> None:
    """A trial with so many people who wait, in all its strata."""
    each = int(people) // len(STRATA)
    changes = {"places_per_stratum = 40": f"places_per_stratum = {each}"}
    trial = make_trial(changes=changes | {"target = 400": f"target = {people}"})
    seal(trial)
    by = make_user("coordinator", trial=trial)
    waiting = []
    for site, complaint in STRATA:
        first = make_verified_participant(trial, trial.sites.get(key=site), complaint=complaint, by=by)
        waiting += [one.pk for one in [first, *copies_of(first, each - 1)]]
    random.Random(1).shuffle(waiting)
    (directory / "people.json").write_text(json.dumps({"by": by.pk, "people": waiting}))


def run(directory: Path, clients: str, kills: str) -> None:
    """Let so many clients click, kill some in between and let others go on in their place."""
    plan = json.loads((directory / "people.json").read_text())
    number, goal = int(clients), 2 * len(plan["people"])
    living = {_begin(directory, plan, place, number): place for place in range(number)}
    left = int(kills)
    while living:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if living.pop(pid, None) is not None:
            assert status == 0, "A client gave up."
        if left and progress(directory) > goal * (int(kills) - left + 1) / (int(kills) + 1):
            victim = random.choice(list(living))
            os.kill(victim, signal.SIGKILL)
            os.waitpid(victim, 0)
            place = living.pop(victim)
            living[_begin(directory, plan, place, number)] = place
            left -= 1
        time.sleep(0.01)
    assert left == 0, f"{left} clients were not killed"


def progress(directory: Path) -> int:
    """How often somebody was shown an allocation so far."""
    return sum(file.read_bytes().count(b"\n") for file in directory.glob("*.shown"))


def _begin(directory: Path, plan: dict, place: int, clients: int) -> int:
    """Fork a client for its share; the next one has the same share, too: everybody is clicked by two."""
    pid = os.fork()
    if pid:
        return pid
    try:
        random.seed(os.urandom(8))
        _click(directory / f"{place}.shown", _share(plan["people"], place, clients), plan["by"])
        os._exit(0)
    except BaseException as error:
        print(f"client {place}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(1)


def _share(people: list[int], place: int, clients: int) -> list[int]:
    mine, next_ones = people[place::clients], people[(place + 1) % clients :: clients]
    return [one for both in zip(mine, next_ones, strict=False) for one in both] + (
        mine[len(next_ones) :] + next_ones[len(mine) :]
    )


def _click(file: Path, people: list[int], by: int) -> None:
    already = len(file.read_bytes().splitlines()) if file.exists() else 0
    with file.open("ab", buffering=0) as shown:
        for participant in people[max(0, already - CLICKED_AGAIN) :]:
            answer = _until_it_answers(participant, by)
            shown.write((json.dumps([participant, *answer]) + "\n").encode())
            os.fsync(shown.fileno())


def _until_it_answers(participant: int, by: int) -> Shown:
    """As people do: click again until the page comes."""
    while True:
        try:
            return clicked(participant, by=by, now=NOW)
        except GONE:
            with suppress(*GONE):
                connection.close()
            time.sleep(random.uniform(0.1, 0.5))


def check(directory: Path) -> None:
    """Nothing doubled, skipped, out of order, lost or changed. Prints what was counted."""
    trial = Trial.objects.get()
    plan = json.loads((directory / "people.json").read_text())
    arms = arms_for_analysis(trial=trial, reason="test", now=NOW)
    stored = {
        participant: Shown(pk, place, position, arms[participant])
        for pk, participant, place, position in Allocation.objects.values_list(
            "pk", "participant", "place", "place__position"
        )
    }
    lines = [
        json.loads(line) for file in directory.glob("*.shown") for line in file.open() if line.endswith("\n")
    ]
    assert verify(trial).allocations == len(plan["people"])  # counters, order, doubles, gaps, list
    assert stored.keys() == set(plan["people"])
    assert [line for line in lines if stored[line[0]] != Shown(*line[1:])] == []
    assert min(Counter(line[0] for line in lines).values()) >= 2
    assert Counter(line[0] for line in lines).keys() == stored.keys()
    written = AuditEvent.objects.filter(table_name="randomization_allocation", action="I")
    assert written.count() == len(stored)
    for participant in random.sample(sorted(stored), min(500, len(stored))):
        assert clicked(participant, by=plan["by"], now=NOW) == stored[participant]
    print(json.dumps({"allocations": len(stored), "shown": len(lines)}))


if __name__ == "__main__":
    with acting("system:test"):
        {"prepare": prepare, "run": run, "check": check}[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
