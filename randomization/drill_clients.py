"""Who clicks in a drill: threads that begin in the same moment, and processes that are killed.

A new process reads this module before Django is set up, so what needs Django is imported where it is used.
"""

import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from threading import Barrier, BoundedSemaphore
from typing import Any, NamedTuple, TypeVar

import django

ACTOR = "system:drill"
MOST_CONNECTIONS = 64
SECONDS_TO_START = 60
HELD = "held"

Answer = TypeVar("Answer")


class Shown(NamedTuple):
    """What somebody learned by a click."""

    allocation: int
    place: int
    position: int
    arm: str


def clicked(participant: int, *, by: int, now: datetime) -> Shown:
    """One click, and what it shows."""
    from randomization.services import allocate
    from trial.accounts.models import User
    from trial.audit.context import acting
    from trial.people.models import Participant

    with acting(ACTOR):
        one = Participant.objects.get(pk=participant)
        allocate(participant=one, by=User.objects.get(pk=by), now=now)
    return shown(participant)


def shown(participant: int) -> Shown:
    """What is shown of the participant's allocation now."""
    from randomization.arms import arm_of
    from randomization.models import Allocation

    allocation = Allocation.objects.select_related("place__stratum").get(participant=participant)
    return Shown(allocation.pk, allocation.place_id, allocation.place.position, arm_of(allocation))


def at_once(acts: Sequence[Callable[[], Answer]]) -> list[Answer]:
    """What each act gave. All begin in one moment; they share the database's connections that are free."""
    from django.db import connections
    from django.utils.translation import get_language, override

    language = get_language()
    ready, free = Barrier(len(acts)), BoundedSemaphore(_free_connections())

    def begin(act: Callable[[], Answer]) -> Answer:
        ready.wait(SECONDS_TO_START)
        with free, override(language):
            try:
                return act()
            finally:
                connections.close_all()

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(begin, acts))


def _free_connections() -> int:
    """Half of what the server has left, so that a running trial beside the drill never lacks any."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('max_connections')::int - count(*) FROM pg_stat_activity")
        return max(1, min(MOST_CONNECTIONS, cursor.fetchone()[0] // 2))


class Client:
    """A process that randomizes one after the other, until it is killed. It ends with its starter."""

    def __init__(self, people: list[int], *, by: int, now: datetime, hold: bool = False) -> None:
        """With `hold` it stops before the commit and keeps its locks."""
        from django.db import connection

        spawn = get_context("spawn")
        self.answers: list[tuple[int, Shown]] = []
        self.pipe, theirs = spawn.Pipe()
        database = connection.settings_dict["NAME"]
        self._process = spawn.Process(
            target=_work, args=(theirs, database, people, by, now, hold), daemon=True
        )
        self._process.start()
        theirs.close()

    def wait_for_answers(self, number: int) -> None:
        """Raises EOFError when the process ends by itself, which says why."""
        while len(self.answers) < number:
            if not self.pipe.poll(SECONDS_TO_START):
                raise TimeoutError(f"{number} answers did not come.")
            self._note(self.pipe.recv())

    def kill(self) -> None:
        """SIGKILL; what the process had said before is still heard."""
        self._process.kill()
        self._process.join()
        with suppress(EOFError, ConnectionResetError):
            while True:
                self._note(self.pipe.recv())
        self.pipe.close()

    def _note(self, message: Any) -> None:
        if message != HELD:
            participant, answer = message
            self.answers.append((participant, Shown(*answer)))


def first_to_hold(clients: Sequence[Client]) -> Client:
    """The one that has come as far as to hold its locks: the others wait for it."""
    ready = wait([client.pipe for client in clients], SECONDS_TO_START)
    for client in clients:
        if client.pipe in ready:
            client.pipe.recv()
            return client
    raise TimeoutError("Nobody came to hold the locks.")


def _work(pipe: Connection, database: str, people: list[int], by: int, now: datetime, hold: bool) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    django.setup()
    from django.db import connection, transaction

    connection.settings_dict["NAME"] = database
    with suppress(EOFError, BrokenPipeError):  # the starter is gone
        for participant in people:
            if hold:
                with transaction.atomic():
                    clicked(participant, by=by, now=now)
                    pipe.send(HELD)
                    pipe.recv()
            pipe.send((participant, tuple(clicked(participant, by=by, now=now))))
