"""The visitors of a rehearsal, in processes of their own: they answer while the staff and the sweeps work.

So several use the database at once, as in a running trial. What each does follows from the seed and its place
alone, and who came is asked for at the next moment: the same seed still gives the same data set.
"""

import signal
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import django
from django.conf import settings

PROCESSES = 2


@dataclass(frozen=True)
class Arrived:
    """Somebody who takes part now: the number among all visitors, the phone, the participant's id."""

    number: int
    phone: str
    participant: int


@dataclass(frozen=True)
class Visit:
    """A participant comes back at `at`, to fill in the questionnaire of an occasion."""

    participant: int
    number: int
    occasion: str
    at: datetime


class Visitors:
    """Our ends of the processes. What was asked for is answered in the same order."""

    def __init__(self, pipes: list[Connection]) -> None:
        self._pipes = pipes
        self._awaited: deque[str] = deque()

    def invite(self, until: int, *, now: datetime) -> None:
        """Let people come at `now` until so many take part: half of them to each process."""
        self._ask("come", [(-(-(until - place) // PROCESSES), now) for place in range(PROCESSES)])

    def came(self) -> list[Arrived]:
        """Wait for those who were invited."""
        return sorted(chain.from_iterable(self._answers_to("come")), key=lambda one: one.number)

    def let_fill_in(self, visits: list[Visit]) -> None:
        """Let participants fill in their questionnaires."""
        self._ask("fill_in_all", [(visits[place::PROCESSES],) for place in range(PROCESSES)])

    def filled_in(self) -> None:
        """Wait until they have."""
        self._answers_to("fill_in_all")

    def _ask(self, act: str, values: list[tuple[Any, ...]]) -> None:
        for pipe, arguments in zip(self._pipes, values, strict=True):
            pipe.send((act, arguments))
        self._awaited.append(act)

    def _answers_to(self, act: str) -> list[Any]:
        """Nothing where nothing was asked. Raises EOFError when a process failed, which says why itself."""
        if self._awaited and self._awaited[0] == act:
            self._awaited.popleft()
            return [pipe.recv() for pipe in self._pipes]
        return []


@contextmanager
def visitors(*, trial: int, seed: int) -> Iterator[Visitors]:
    """The visitors of the trial with this id. They end with this process, however it ends."""
    from django.db import connection

    spawn = get_context("spawn")
    home = (connection.settings_dict["NAME"], settings.ACCEPT_TEST_IDENTITY_NUMBERS)
    pipes, processes = [], []
    for place in range(PROCESSES):
        ours, theirs = spawn.Pipe()
        what = (theirs, *home, trial, seed, place)
        processes.append(spawn.Process(target=_visit, args=what, daemon=True))
        processes[-1].start()
        theirs.close()
        pipes.append(ours)
    try:
        yield Visitors(pipes)
    finally:
        for pipe, process in zip(pipes, processes, strict=True):
            pipe.close()
            process.join()


def _visit(pipe: Connection, database: str, test_people: bool, trial: int, seed: int, place: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the closed pipe says that it is over
    django.setup()
    from django.db import connection

    from trial.rehearsal.arrival import Public

    connection.settings_dict["NAME"] = database
    settings.ACCEPT_TEST_IDENTITY_NUMBERS = test_people
    public = Public(trial=trial, seed=seed, place=place)
    try:
        while True:
            act, values = pipe.recv()
            pipe.send(getattr(public, act)(*values))
    except (EOFError, BrokenPipeError):
        connection.close()
