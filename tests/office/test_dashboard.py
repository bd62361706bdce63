"""The office's first page warns in time that a randomization list comes to its end."""

import pytest
from django.urls import reverse

from randomization.selectors import PlacesLeft, places_left
from randomization.services import allocate
from tests.factories import NOW, make_trial, make_user, make_verified_participant, seal
from tests.randomization.test_allocation import PAIRS

NEARLY, GONE = "A randomization list is nearly used up.", "A randomization list has no place left."


@pytest.fixture
def trial(db):
    trial = make_trial(changes={"places_per_stratum = 40": "places_per_stratum = 4", "[4, 6]": "[4]"})
    seal(trial)
    return trial


def randomize(trial, count):
    by = make_user("coordinator", trial=trial)
    for _ in range(count):
        allocate(participant=make_verified_participant(trial, by=by), by=by, now=NOW)


def first_page(client, user):
    client.force_login(user)
    return client.get(reverse("admin:index")).content.decode()


def test_a_manager_is_warned_before_a_list_ends_and_when_it_has(client, trial):
    manager = make_user("trial_manager", trial=trial)
    randomize(trial, 3)
    assert places_left(trial) == PlacesLeft.ENOUGH
    assert NEARLY not in first_page(client, manager)

    randomize(trial, 1)

    assert places_left(trial) == PlacesLeft.NONE
    assert GONE in first_page(client, manager)


def test_four_fifths_are_nearly_all(client, db):
    trial = make_trial(changes={"places_per_stratum = 40": "places_per_stratum = 20", "[4, 6]": "[4]"})
    seal(trial)
    randomize(trial, 15)
    assert places_left(trial) == PlacesLeft.ENOUGH
    randomize(trial, 1)
    assert places_left(trial) == PlacesLeft.FEW
    shown = first_page(client, make_user("trial_manager", trial=trial))
    assert NEARLY in shown
    assert "site=" not in shown


def test_who_does_not_manage_the_trial_is_not_told(client, trial):
    randomize(trial, 4)
    assert GONE not in first_page(client, make_user("coordinator", trial=trial))


def test_the_places_of_sites_are_meant_to_be_used_up(db):
    trial = make_trial("pairs", changes=PAIRS)
    seal(trial)
    assert places_left(trial) == PlacesLeft.ENOUGH


def test_a_trial_without_a_list_needs_no_places_yet(db):
    assert places_left(make_trial()) == PlacesLeft.ENOUGH
