import os

import psycopg
import pytest

from tests.factories import NOW


@pytest.fixture
def now():
    return NOW


@pytest.fixture
def attacker(transactional_db):
    """A superuser who has switched all triggers off."""
    with psycopg.connect(os.environ["TEST_SUPERUSER_URL"], autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        yield connection
