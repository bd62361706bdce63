import pytest

from tests.factories import make_message, make_participant, make_trial
from tests.messaging.simulated import running
from trial.messaging import gateways


@pytest.fixture
def simulator(tmp_path, settings):
    """A provider of our own; status callbacks go nowhere."""
    settings.PUBLIC_BASE_URL = "http://127.0.0.1:9"
    with running(tmp_path / "simulator") as simulator:
        settings.TWILIO_API_BASE_URL = simulator.url
        yield simulator


@pytest.fixture
def gateway(simulator):
    return gateways.current()


@pytest.fixture
def trial(db):
    return make_trial()


@pytest.fixture
def participant(trial):
    return make_participant(trial)


@pytest.fixture
def plan(participant):
    """Plan a message, by default the weekly question due now."""

    def plan(key="w01:ask", *, person=participant, **more):
        return make_message(person, key=key, **more)

    return plan
