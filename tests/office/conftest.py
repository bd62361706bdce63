import pytest

from tests.factories import make_trial, make_user, seal

PASSWORD = "correct horse battery staple"


@pytest.fixture
def trial(db):
    """A recruiting trial with a sealed list."""
    trial = make_trial()
    seal(trial)
    return trial


@pytest.fixture
def north(trial):
    return trial.sites.get(key="north")


@pytest.fixture
def coordinator(trial, north):
    return make_user("coordinator", trial=trial, site=north, password=PASSWORD)


@pytest.fixture
def office(client, coordinator):
    """The coordinator's browser, in English."""
    client.force_login(coordinator)
    client.cookies["django_language"] = "en"
    return client


@pytest.fixture
def browser_of(client):
    """Somebody else's browser."""

    def log_in(user):
        client.force_login(user)
        client.cookies["django_language"] = "en"
        return client

    return log_in
