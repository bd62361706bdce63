"""Many at once, and processes that die: on the real database, with real locks."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from randomization.models import Allocation, Stratum
from randomization.selectors import allocation_fact
from randomization.services import allocate
from randomization.verification import verify
from tests.factories import NOW, make_trial, make_user, make_verified_participant, seal
from tests.together import at_once
from trial.audit.context import acting
from trial.people.models import Participant
from trial.rehearsal.crowd import copies_of

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "correct horse battery staple"


@pytest.fixture
def trial():
    trial = make_trial()
    seal(trial)
    return trial


@pytest.fixture
def coordinator(trial):
    return make_user("coordinator", trial=trial, password=PASSWORD)


def click(participant, by):
    """One click in a thread, and so on a connection, of its own."""
    try:
        with acting("system:test"):
            return allocate(participant=participant, by=by, now=NOW).pk
    finally:
        connection.close()


def test_fifty_clicks_on_one_participant_make_one_allocation_and_all_see_it(trial, coordinator):
    participant = make_verified_participant(trial, by=coordinator)
    address = reverse("admin:people_participant_randomize", args=[participant.pk])
    browser = Client()
    browser.force_login(coordinator)
    tabs = [Client() for _tab in range(50)]
    for tab in tabs:
        tab.cookies = browser.cookies
        assert tab.get(address).context["ready"]

    pages = at_once([partial(tab.post, address, {"password": PASSWORD}, follow=True) for tab in tabs])

    assert {page.status_code for page in pages} == {200}
    assert {page.context["allocation"] for page in pages} == {allocation_fact(participant)}
    arms = {page.context["arm"].key for page in pages if "arm" in page.context}
    assert len(arms) == 1
    assert Allocation.objects.count() == 1
    assert verify(trial).allocations == 1


def test_sixty_four_clients_at_once_lose_double_and_skip_none(trial, coordinator):
    people = [make_verified_participant(trial, by=coordinator) for _ in range(40)]
    with ThreadPoolExecutor(64) as clients:
        list(clients.map(lambda one: click(one, coordinator), people * 2))
    positions = Allocation.objects.order_by("pk").values_list("place__position", flat=True)
    assert list(positions) == list(range(1, 41))
    assert verify(trial).allocations == 40


KILLED = """
import django; django.setup()
from trial.audit.context import acting
from trial.accounts.models import User
from trial.people.models import Participant
from randomization.selectors import allocation_fact
from randomization.services import allocate
from tests.factories import NOW
print("up", flush=True)
with acting("system:test"):
    for participant in Participant.objects.order_by("pk"):
        allocate(participant=participant, by=User.objects.get(pk={user}), now=NOW)
"""


def test_verification_raises_no_false_alarm_while_the_trial_goes_on(trial, coordinator):
    people = copies_of(make_verified_participant(trial, by=coordinator), 30)

    def clicks():
        for participant in people:
            click(participant, coordinator)

    def checks():
        return [verify(trial).allocations for _look in range(8)]

    _clicked, seen = at_once([clicks, checks])
    assert seen == sorted(seen)
    assert verify(trial).allocations == len(people)


def test_killed_client_loses_nothing_and_leaves_no_gap(trial, coordinator):
    for _ in range(30):
        make_verified_participant(trial, by=coordinator)
    for delay in (0.02, 0.05, 0.1):
        client = subprocess.Popen(
            [sys.executable, "-c", KILLED.format(user=coordinator.pk)],
            stdout=subprocess.PIPE,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        )
        assert client.stdout.readline() == b"up\n"
        time.sleep(delay)
        client.send_signal(signal.SIGKILL)
        client.communicate()
        verify(trial)
    for participant in Participant.objects.order_by("pk"):
        allocate(participant=participant, by=coordinator, now=NOW)
    assert verify(trial).allocations == 30
    assert Counter(Stratum.objects.values_list("used", flat=True))[30] == 1
