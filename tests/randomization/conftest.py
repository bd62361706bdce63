import os

import psycopg
import pytest

from tests.factories import make_trial, make_user, seal


@pytest.fixture
def tiny(db):
    """A recruiting trial: two sites by two complaints, ratio 1:1, blocks of 4 and 6, list not sealed."""
    return make_trial()


@pytest.fixture
def sealed(tiny):
    seal(tiny)
    return tiny


@pytest.fixture
def coordinator(tiny):
    return make_user("coordinator", trial=tiny)


@pytest.fixture
def superuser(transactional_db, settings):
    """Runs a statement as somebody whom no trigger stops; for what the test has committed."""
    settings.LANGUAGE_CODE = "en"

    def execute(statement, values=()):
        with psycopg.connect(os.environ["TEST_SUPERUSER_URL"], autocommit=True) as superuser:
            superuser.execute("SET session_replication_role = replica")
            return superuser.execute(statement, values).rowcount

    return execute
