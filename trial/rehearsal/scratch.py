"""A database of its own for a rehearsal, gone afterwards: no simulated person stands beside a real one."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from psycopg import sql

ALIASES = ("default", "owner")


class MayNotMakeDatabases(Exception):
    """This process does not connect as the owner role, which has the right CREATEDB."""

    def __init__(self) -> None:
        super().__init__(
            "This process may not make a database: run the command where OWNER_DATABASE_URL names a role "
            "with CREATEDB, on a server with `docker compose run --rm migrate python manage.py …`."
        )


@contextmanager
def scratch_database() -> Iterator[None]:
    """Make, migrate and connect to a new database; drop it in the end.

    Inside, people of the test series may take part. Raises MayNotMakeDatabases.
    """
    name = f"rehearsal_{secrets.token_hex(6)}"
    home = connections["owner"].settings_dict["NAME"]
    _as_owner("CREATE DATABASE {}", name)
    _as_owner("ALTER DATABASE {} SET synchronous_commit = off", name)  # nothing here is to last
    try:
        _connect_to(name)
        call_command("migrate", verbosity=0)
        with _test_people():
            yield
    finally:
        _connect_to(home)
        _drop(name)


@contextmanager
def _test_people() -> Iterator[None]:
    """A running trial refuses the identity numbers of the test series, which all simulated people have."""
    before = settings.ACCEPT_TEST_IDENTITY_NUMBERS
    settings.ACCEPT_TEST_IDENTITY_NUMBERS = True
    try:
        yield
    finally:
        settings.ACCEPT_TEST_IDENTITY_NUMBERS = before


def _connect_to(name: str) -> None:
    for alias in ALIASES:
        connections[alias].close()
        connections[alias].settings_dict["NAME"] = name


def start_over() -> None:
    """Drop the database with all that is in it, and make it anew."""
    name = connections["owner"].settings_dict["NAME"]
    _connect_to(name)
    _drop(name)
    _as_owner("CREATE DATABASE {}", name)
    call_command("migrate", verbosity=0)


def _drop(name: str) -> None:
    """PostgreSQL waits some seconds for sessions that are just ending.

    FORCE would not: the owner may not end the sessions of the application's role.
    """
    _as_owner("DROP DATABASE {}", name)


def _as_owner(statement: str, name: str) -> None:
    parameters = connections["owner"].get_connection_params()
    address: dict[str, Any] = {key: parameters.get(key) for key in ("host", "port", "user", "password")}
    with psycopg.connect(**address, dbname="postgres", autocommit=True) as connection:
        try:
            connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
        except psycopg.errors.InsufficientPrivilege as error:
            raise MayNotMakeDatabases from error
