"""What PostgreSQL offers beyond Django's ORM."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def lock(name: str) -> Iterator[bool]:
    """Open a transaction in which at most one process in the installation holds `name`.

    Yields True to the holder and False at once to everybody else; ends with the transaction, so a killed
    process leaves nothing locked.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_number(name)])
        yield cursor.fetchone()[0]


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
