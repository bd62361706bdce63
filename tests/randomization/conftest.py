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
