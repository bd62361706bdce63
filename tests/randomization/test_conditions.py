"""What must hold before somebody is randomized: the same for the page and for the act."""

import pytest
from django.urls import reverse

from randomization.errors import NotReady
from randomization.selectors import allocation_fact, checklist
from randomization.services import allocate
from screening.selectors import coordinator_criteria, decisions_in, verification_of
from screening.services import verify
from tests.factories import NOW, TINY, make_trial, make_user, make_verified_participant, seal
from trial.people.models import Site
from trial.people.services import put_in_force
from trial.protocol.reading import Sources, read_sources
from trial.protocol.services import load_protocol

PASSWORD = "correct horse battery staple"

NEW_CRITERION = """
[[eligibility.criteria]]
key = "other_trial"
kind = "exclusion"
label = { nb = "Er med i en annen studie", en = "Is in another trial" }
reason = { nb = "Du er med i en annen studie.", en = "You are in another trial." }
checked_by = "coordinator"

[consent]
"""


def amend(trial, changes):
    """A new version of the tiny protocol comes into force."""
    sources = read_sources(TINY)
    text = sources.protocol.replace('version = "1.0"', 'version = "1.1"')
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    version = load_protocol(sources=Sources(text, sources.instruments), reason="Amendment", now=NOW)
    put_in_force(version=version, by="system:test", now=NOW)
    return version


def unmet(participant):
    return {condition.key for condition in checklist(participant) if not condition.met}


def refused(participant, by):
    with pytest.raises(NotReady) as refusal:
        allocate(participant=participant, by=by, now=NOW)
    labels = {condition.label for condition in checklist(participant) if not condition.met}
    assert set(refusal.value.missing) == labels
    return True


def test_page_and_act_miss_the_same(sealed, coordinator):
    participant = make_verified_participant(sealed)
    Site.objects.filter(pk=participant.site_id).update(closed_at=NOW)
    amend(sealed, {"target = 400": "target = 401"})
    assert unmet(participant) == {"site"}
    assert refused(participant, coordinator)


@pytest.mark.parametrize(
    ("removed", "missing"),
    [
        ("UPDATE screening_consent SET participant_id = NULL WHERE participant_id = %s", "consent"),
        (
            "DELETE FROM people_participantstatus WHERE participant_id = %s AND name = 'baseline_completed'",
            "baseline",
        ),
        ("DELETE FROM screening_verification WHERE participant_id = %s", "verified"),
    ],
)
def test_whoever_lacks_one_thing_is_not_randomized(removed, missing, superuser):
    trial = make_trial()
    seal(trial)
    by = make_user("coordinator", trial=trial)
    participant = make_verified_participant(trial, by=by)
    assert unmet(participant) == set()
    superuser(removed, [participant.pk])
    assert unmet(participant) == {missing}
    assert refused(participant, by)


def test_an_amendment_that_asks_nothing_new_leaves_the_verified_verified(sealed, coordinator):
    participant = make_verified_participant(sealed)
    version = amend(sealed, {"target = 400": "target = 401"})
    assert unmet(participant) == set()
    assert allocate(participant=participant, by=coordinator, now=NOW).protocol_version == version


def test_who_no_longer_fits_is_not_randomized(sealed, coordinator):
    participant = make_verified_participant(sealed)
    amend(sealed, {"weeks_sick_listed >= 8 ": "weeks_sick_listed >= 13 "})
    assert unmet(participant) == {"fits"}
    assert refused(participant, coordinator)


def test_a_criterion_that_is_new_is_checked_before_anybody_is_randomized(sealed, coordinator):
    participant = make_verified_participant(sealed)
    amend(sealed, {"[consent]\n": NEW_CRITERION})
    assert unmet(participant) == {"verified"}
    assert refused(participant, coordinator)

    decisions = {criterion.key: True for criterion in coordinator_criteria(participant)}
    assert set(decisions) == {"needs_treatment", "other_trial"}
    verify(participant=participant, by=coordinator, decisions=decisions, now=NOW, reason="Amendment")
    assert allocate(participant=participant, by=coordinator, now=NOW)
    assert [one.criterion.key for one in decisions_in(verification_of(participant))] == [*decisions]


def test_a_criterion_that_was_reworded_is_checked_again(sealed, coordinator):
    participant = make_verified_participant(sealed)
    earlier = verification_of(participant)
    type(earlier).objects.filter(pk=earlier.pk).update(at=NOW.replace(day=1))
    amend(sealed, {"Needs other treatment now": "Needs or had other treatment"})
    assert unmet(participant) == {"verified"}
    assert refused(participant, coordinator)


def test_nobody_is_randomized_beyond_the_target(db):
    trial = make_trial("full", changes={"target = 400": "target = 1"})
    seal(trial)
    by = make_user("coordinator", trial=trial)
    allocate(participant=make_verified_participant(trial, by=by), by=by, now=NOW)
    second = make_verified_participant(trial, by=by)
    assert unmet(second) == {"target"}
    assert refused(second, by)


def test_the_target_of_another_trial_does_not_count(sealed, coordinator):
    other = make_trial("full", changes={"target = 400": "target = 1"})
    seal(other)
    by = make_user("coordinator", trial=other)
    allocate(participant=make_verified_participant(sealed), by=coordinator, now=NOW)
    assert allocate(participant=make_verified_participant(other, by=by), by=by, now=NOW)


def test_the_page_says_that_the_list_is_used_up_and_what_to_do(client, db):
    trial = make_trial(
        "short", changes={"places_per_stratum = 40": "places_per_stratum = 1", "[4, 6]": "[4]"}
    )
    seal(trial)
    by = make_user("coordinator", trial=trial)
    for _ in range(4):
        allocate(participant=make_verified_participant(trial, by=by), by=by, now=NOW)
    last = make_verified_participant(trial, by=by)
    assert unmet(last) == {"place"}
    client.force_login(by)
    page = client.get(reverse("admin:people_participant_randomize", args=[last.pk])).content.decode()
    assert "Ask the trial statistician for more places." in page


def test_a_click_in_a_second_tab_leads_to_the_first_allocation(client, sealed):
    coordinator = make_user("coordinator", trial=sealed, password=PASSWORD)
    participant = make_verified_participant(sealed)
    address = reverse("admin:people_participant_randomize", args=[participant.pk])
    client.force_login(coordinator)
    tabs = [client.get(address).status_code for _tab in range(2)]
    pages = [client.post(address, {"password": PASSWORD}, follow=True) for _tab in tabs]
    assert tabs == [200, 200]
    assert {page.context["allocation"] for page in pages} == {allocation_fact(participant)}
