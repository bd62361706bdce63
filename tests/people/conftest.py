import pytest

from tests.factories import make_participant, make_trial


@pytest.fixture
def tiny(db):
    return make_trial()


@pytest.fixture
def north(tiny):
    return tiny.sites.get(key="north")


@pytest.fixture
def south(tiny):
    return tiny.sites.get(key="south")


@pytest.fixture
def participant(tiny, north):
    return make_participant(tiny, north)
