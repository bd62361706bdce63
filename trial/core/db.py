"""What PostgreSQL offers beyond Django's ORM."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.db.models import Field, ForeignObject, Lookup
from psycopg import IsolationLevel

Row = TypeVar("Row")


@contextmanager
def lock(name: str) -> Iterator[bool]:
    """Open a transaction in which at most one process in the installation holds `name`.

    Yields True to the holder and False at once to everybody else; ends with the transaction, so a killed
    process leaves nothing locked.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_number(name)])
        yield cursor.fetchone()[0]


def rows(shape: Callable[..., Row], statement: str, values: Mapping[str, Any]) -> list[Row]:
    """What a statement of our own returns: of each row one `shape`, made of the columns in their order."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [shape(*row) for row in cursor.fetchall()]


@contextmanager
def one_moment() -> Iterator[None]:
    """A transaction whose every query sees the data of the same moment.

    Inside a transaction that is open already, it is for that one to promise so.
    """
    if connection.in_atomic_block:
        with transaction.atomic():
            yield
        return
    connection.ensure_connection()
    server = connection.connection
    before, server.isolation_level = server.isolation_level, IsolationLevel.REPEATABLE_READ
    try:
        with transaction.atomic():
            yield
    finally:
        if not server.closed:
            server.isolation_level = before


@Field.register_lookup
@ForeignObject.register_lookup
class Among(Lookup):
    """`field__among=values` is `field__in=values` with all the values in one array.

    The statement is the same for two values as for a thousand, so PostgreSQL plans it once. The values are
    those of the column: ids, not objects.
    """

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        if not self.rhs:
            raise EmptyResultSet
        column, values = self.process_lhs(compiler, connection)
        return f"{column} = ANY(%s)", (*values, list(self.rhs))


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
