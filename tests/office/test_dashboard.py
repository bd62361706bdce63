"""The office's first page warns in time that a randomization list comes to its end."""

import pytest
from django.urls import reverse

from randomization.selectors import PlacesLeft, places_left, stratum_counts
from randomization.services import allocate, extend_lists, seal_lists
from tests.factories import NOW, make_trial, make_user, make_verified_participant, seal
from tests.randomization.imported import imported_trial, list_file
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


def test_the_warning_comes_by_the_places_asked_for_not_by_the_blocks_of_the_list(db):
    """Blocks of six make lists of 24 and 30 places."""
    trial = make_trial(changes={"places_per_stratum = 40": "places_per_stratum = 20", "[4, 6]": "[6]"})
    seal(trial)
    randomize(trial, 15)
    assert places_left(trial) == PlacesLeft.ENOUGH
    randomize(trial, 1)
    assert places_left(trial) == PlacesLeft.FEW
    assert not any(count.nearly_used for count in stratum_counts(trial))

    extend_lists(trial=trial, by=make_user("statistician", trial=trial), now=NOW, places_per_stratum=26)

    randomize(trial, 4)
    assert places_left(trial) == PlacesLeft.ENOUGH
    randomize(trial, 1)
    assert places_left(trial) == PlacesLeft.FEW


def test_an_imported_list_that_is_shorter_than_planned_warns_before_its_end(db):
    """The protocol plans 40 places, the file has 5."""
    trial = imported_trial(**{"places_per_stratum = 4\n": "places_per_stratum = 40\n"})
    by = make_user("statistician", trial=trial)
    seal_lists(trial=trial, by=by, imported=list_file(last=5), as_it_is=True, now=NOW)
    randomize(trial, 4)
    assert places_left(trial) == PlacesLeft.FEW
    randomize(trial, 1)
    assert places_left(trial) == PlacesLeft.NONE


def test_who_does_not_manage_the_trial_is_not_told(client, trial):
    randomize(trial, 4)
    assert GONE not in first_page(client, make_user("coordinator", trial=trial))


def test_the_places_of_sites_are_meant_to_be_used_up(db):
    trial = make_trial("pairs", changes=PAIRS)
    seal(trial)
    assert places_left(trial) == PlacesLeft.ENOUGH


def test_a_trial_without_a_list_needs_no_places_yet(db):
    assert places_left(make_trial()) == PlacesLeft.ENOUGH
