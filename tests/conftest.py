import os
import time
from contextlib import ExitStack

import pytest
import time_machine
from django.conf import settings
from django.core.cache import cache, caches
from django.db import connections
from django.test import TransactionTestCase
from django.utils import translation

from tests import servers
from trial.audit.context import acting

pytest_plugins = ["tests.browsers"]
stack = ExitStack()


def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        config.add_cleanup(stack.close)
        servers.start(stack)


@pytest.fixture(scope="session")
def django_db_setup(request, django_db_blocker, worker_id):
    """Each worker gets a copy of the migrated template; the product connects as its application role."""
    with servers.database(worker_id) as (application, owner, superuser):
        os.environ |= {
            "DATABASE_URL": application,
            "OWNER_DATABASE_URL": owner,
            "TEST_SUPERUSER_URL": superuser,
        }
        for alias, url in (("default", application), ("owner", owner)):
            _point(connections[alias], url)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _: servers.empty(superuser))
            yield
        for connection in connections.all():
            with django_db_blocker.unblock():
                connection.close()


def _point(connection, url):
    import dj_database_url

    connection.close()
    connection.settings_dict.update(dj_database_url.parse(url, engine="trial.audit.postgresql"))
    settings.DATABASES[connection.alias].update(connection.settings_dict)


@pytest.fixture(scope="session", autouse=True)
def redis_url(worker_id):
    """Each worker has a numbered database of the run's Redis-compatible server."""
    from trial.config.celery import app

    number = 0 if worker_id == "master" else int(worker_id.removeprefix("gw")) + 1
    url = f"{os.environ['TEST_REDIS']}/{number}"
    os.environ["REDIS_URL"] = settings.REDIS_URL = url
    caches.settings["default"]["LOCATION"] = url
    caches.close_all()
    del caches["default"]
    app.conf.broker_url = url
    return url


@pytest.fixture(autouse=True)
def somebody_acts():
    """The database refuses a write by nobody; a test that is about that ends this with `acting("")`."""
    with acting("system:test"):
        yield


@pytest.fixture(autouse=True)
def english():
    """Each test begins in the language of the source, whatever an earlier one's request spoke."""
    with translation.override("en"):
        yield


@pytest.fixture(autouse=True)
def fresh_cache(redis_url):
    yield
    cache.clear()


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker, tmp_path_factory):
    """Something in every room, somebody at every door, and a clock that stands still; see tests/world.py."""
    from tests.world import THEN, World, undone

    with pytest.MonkeyPatch.context() as patch, time_machine.travel(THEN, tick=False):
        patch.setattr(settings, "EXPORT_DIR", tmp_path_factory.mktemp("snapshots"))
        with django_db_blocker.unblock(), acting("system:test"), undone():
            yield World()


@pytest.fixture
def eventually():
    """Wait until something becomes true, but not for ever."""

    def eventually(is_so, seconds=10):
        deadline = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < deadline, "It never became true."
            time.sleep(0.05)

    return eventually
