import re
from collections import Counter

import pytest
from django.db import DatabaseError, transaction

from randomization.errors import AlreadySealed, ListExhausted, NotReady
from randomization.models import Allocation, ClusterAllocation, Place, SealedList, Stratum
from randomization.selectors import (
    allocated_participants,
    allocation_times,
    arm_for,
    arms_for_analysis,
    checklist,
    for_case_work,
    is_allocated,
    stratum_counts,
)
from randomization.services import allocate, seal_lists
from randomization.verification import verify
from screening.errors import AlreadyRandomized
from screening.selectors import verification_of
from screening.services import verify as verify_eligibility
from tests.factories import (
    NOW,
    TINY,
    make_screened_participant,
    make_trial,
    make_user,
    make_verified_participant,
    seal,
)
from trial.audit.models import ReadEvent
from trial.people.errors import NotPermitted
from trial.people.models import Status
from trial.people.selectors import facts
from trial.people.services import add_status, close_site
from trial.protocol.models import TrialStatus
from trial.protocol.services import set_trial_status

PAIRS = {
    'method = "permuted_blocks"': 'method = "pairwise_clusters"',
    'key = "north"\nname = "North"': 'key = "north"\nname = "North"\npair = "one"\ncluster = true',
    'key = "south"\nname = "South"': 'key = "south"\nname = "South"\npair = "one"\ncluster = true',
    "block_sizes = [4, 6]\nplaces_per_stratum = 40\n": "",
    re.search(r"\[\[randomization\.strata.+(?=\[weekly\])", TINY.read_text(), re.DOTALL)[0]: "",
}
"""The tiny protocol as a trial of paired sites."""


COMPLAINT = re.search(r'source = "main_complaint"\nlevels.+?\n]', TINY.read_text(), re.DOTALL)[0]
PAIN = """source = "pain_now"
levels = [
  { key = "less", name = { nb = "Mindre", en = "Less" }, minimum = 0 },
  { key = "more", name = { nb = "Mer", en = "More" }, minimum = 5 },
]"""


def unmet(participant):
    return {condition.key for condition in checklist(participant) if not condition.met}


def test_verified_participant_gets_the_next_place_of_their_stratum(sealed, coordinator):
    first, second = make_verified_participant(sealed), make_verified_participant(sealed)
    other = make_verified_participant(sealed, complaint="mind")

    places = [allocate(participant=p, by=coordinator, now=NOW).place for p in (first, second, other)]

    assert [(place.stratum.key, place.position) for place in places] == [
        ("site=north;complaint=body", 1),
        ("site=north;complaint=body", 2),
        ("site=north;complaint=mind", 1),
    ]


def test_a_number_decides_the_stratum_too(db):
    trial = make_trial("ranges", changes={COMPLAINT: PAIN})
    seal(trial)
    by = make_user("coordinator", trial=trial)
    participant = make_verified_participant(trial, by=by)  # whose pain is 4
    allocation = allocate(participant=participant, by=by, now=NOW)
    assert allocation.place.stratum.key == "site=north;complaint=less"


def test_second_click_shows_the_first_allocation(sealed, coordinator):
    participant = make_verified_participant(sealed)
    first = allocate(participant=participant, by=coordinator, now=NOW)
    second = allocate(participant=participant, by=make_user("coordinator", trial=sealed), now=NOW)
    assert second == first
    assert second.by == coordinator
    assert sum(count.used for count in stratum_counts(sealed)) == 1


def test_participant_without_verification_is_not_randomized(sealed, coordinator):
    participant = make_screened_participant(sealed)
    with pytest.raises(NotReady):
        allocate(participant=participant, by=coordinator, now=NOW)
    assert unmet(participant) == {"verified"}
    assert not is_allocated(participant)


def test_nobody_is_verified_after_randomization(sealed, coordinator):
    participant = make_verified_participant(sealed)
    decisions = dict.fromkeys(verification_of(participant).decisions, False)
    allocate(participant=participant, by=coordinator, now=NOW)
    with pytest.raises(AlreadyRandomized):
        verify_eligibility(participant=participant, by=coordinator, decisions=decisions, now=NOW, reason="oh")
    assert verification_of(participant).eligible
    assert Status.NOT_ELIGIBLE not in facts(participant, NOW)


def test_nobody_is_randomized_before_the_list_is_sealed(tiny, coordinator):
    participant = make_verified_participant(tiny)
    with pytest.raises(NotReady):
        allocate(participant=participant, by=coordinator, now=NOW)
    assert unmet(participant) == {"sealed"}


@pytest.mark.parametrize(
    "status", [Status.WITHDRAWN_INTERVENTION, Status.WITHDRAWN_CONTACT, Status.WITHDRAWN_DATA, Status.DIED]
)
def test_who_has_left_is_not_randomized(sealed, coordinator, status):
    participant = make_verified_participant(sealed)
    add_status(participant=participant, name=status, by=coordinator, now=NOW, reason="told by telephone")
    with pytest.raises(NotReady):
        allocate(participant=participant, by=coordinator, now=NOW)
    assert "present" in unmet(participant)


def test_nobody_is_randomized_while_trial_or_site_is_closed(sealed, coordinator):
    participant = make_verified_participant(sealed)
    manager = make_user("trial_manager", trial=sealed)
    close_site(site=participant.site, by=manager, now=NOW)
    set_trial_status(trial=sealed, name=TrialStatus.Name.CLOSED, by="system:test", now=NOW)
    with pytest.raises(NotReady):
        allocate(participant=participant, by=coordinator, now=NOW)
    participant.refresh_from_db()
    assert unmet(participant) == {"recruiting", "site"}


def test_exhausted_list_stops_and_never_starts_over(tiny, coordinator):
    trial = make_trial(
        "short", changes={"places_per_stratum = 40": "places_per_stratum = 1", "[4, 6]": "[4]"}
    )
    seal(trial)
    by = make_user("coordinator", trial=trial)
    for _ in range(4):
        allocate(participant=make_verified_participant(trial, by=by), by=by, now=NOW)
    with pytest.raises(ListExhausted):
        allocate(participant=make_verified_participant(trial, by=by), by=by, now=NOW)
    assert Allocation.objects.filter(participant__trial=trial).count() == 4
    assert verify(trial).allocations == 4


def test_a_list_is_sealed_once(sealed):
    statistician = make_user("statistician", trial=sealed)
    with pytest.raises(AlreadySealed):
        seal_lists(trial=sealed, by=statistician, now=NOW)
    assert SealedList.objects.count() == 1


def test_arms_are_balanced_at_the_end_of_the_sealed_list(sealed):
    agreement = verify(sealed)
    assert agreement.strata == 4
    assert agreement.places >= 4 * 40


def test_one_site_of_each_pair_gets_each_arm_and_participants_inherit(db):
    trial = make_trial("pairs", changes=PAIRS)
    seal(trial)
    by = make_user("coordinator", trial=trial)
    people = [make_verified_participant(trial, site, by=by) for site in trial.sites.all() for _ in range(2)]
    for participant in people:
        assert unmet(participant) == set()
        allocate(participant=participant, by=by, now=NOW)

    arms = arms_for_analysis(trial=trial, reason="test", now=NOW)
    by_site = {participant.site.key: set() for participant in people}
    for participant in people:
        by_site[participant.site.key].add(arms[participant.pk])
    assert sorted(map(sorted, by_site.values())) == [["talk"], ["usual"]]
    assert ClusterAllocation.objects.count() == 2
    assert verify(trial).allocations == 4


def test_sweep_for_case_work_gets_exactly_the_arm_and_nobody_else(sealed, coordinator):
    people = [make_verified_participant(sealed, by=coordinator) for _ in range(6)]
    for participant in people:
        allocate(participant=participant, by=coordinator, now=NOW)
    arms = arms_for_analysis(trial=sealed, reason="test", now=NOW)
    talk = set(for_case_work(trial=sealed, arm_key="talk"))
    assert talk == {p for p in people if arms[p.pk] == "talk"}
    assert Counter(arms.values()).keys() == {"talk", "usual"}
    some = allocated_participants(sealed).filter(pk__in=[people[0].pk])
    assert set(for_case_work(trial=sealed, arm_key="talk", among=some)) == talk & {people[0]}
    assert dict(allocation_times(sealed)) == {p.pk: NOW for p in people}


def test_coordinator_sees_the_arm_and_the_read_log_knows(sealed, coordinator):
    participant = make_verified_participant(sealed)
    allocate(participant=participant, by=coordinator, now=NOW)
    arm = arm_for(user=coordinator, participant=participant, reason="to plan the meeting", now=NOW)
    assert arm.key in {"talk", "usual"}
    read = ReadEvent.objects.get(study_id=participant.study_id, what="arm")
    assert read.reason == "to plan the meeting"


@pytest.mark.parametrize("role", ["researcher", "statistician", "monitor", "expert", "system_administrator"])
def test_others_never_see_an_arm(sealed, coordinator, role):
    participant = make_verified_participant(sealed)
    allocate(participant=participant, by=coordinator, now=NOW)
    user = make_user(role, trial=None if role == "system_administrator" else sealed)
    with pytest.raises(NotPermitted):
        arm_for(user=user, participant=participant, reason="curious", now=NOW)
    assert not ReadEvent.objects.filter(what="arm").exists()


def test_coordinator_of_another_site_never_sees_the_arm(sealed, coordinator):
    participant = make_verified_participant(sealed)
    allocate(participant=participant, by=coordinator, now=NOW)
    elsewhere = make_user("coordinator", trial=sealed, site=sealed.sites.get(key="south"))
    with pytest.raises(NotPermitted):
        arm_for(user=elsewhere, participant=participant, reason="curious", now=NOW)


def refused(act):
    with pytest.raises(DatabaseError), transaction.atomic():
        act()
    return True


def test_database_refuses_to_change_a_list_or_an_allocation(sealed, coordinator):
    allocation = allocate(participant=make_verified_participant(sealed), by=coordinator, now=NOW)
    allocation = Allocation.objects.filter(pk=allocation.pk)
    assert refused(lambda: allocation.update(at=NOW.replace(year=2020)))
    assert refused(lambda: allocation._raw_delete("default"))
    assert refused(lambda: Place.objects.update(content=b""))
    assert refused(lambda: Place.objects.all()._raw_delete("default"))
    assert refused(lambda: SealedList.objects.update(commitment="0" * 64))
    assert refused(lambda: Stratum.objects.update(used=0, key="all"))


def test_database_refuses_to_count_back_or_to_jump(sealed, coordinator):
    allocate(participant=make_verified_participant(sealed), by=coordinator, now=NOW)
    stratum = Stratum.objects.filter(used=1)
    assert refused(lambda: stratum.update(used=0))
    assert refused(lambda: stratum.update(used=3))
    assert refused(lambda: stratum.update(places=0))


def test_database_refuses_a_place_out_of_order(sealed, coordinator):
    participant = make_verified_participant(sealed)
    allocation = allocate(participant=make_verified_participant(sealed), by=coordinator, now=NOW)
    later = Place.objects.get(stratum=allocation.place.stratum, position=3)
    for place in (later, allocation.place):
        assert refused(
            lambda place=place: Allocation.objects.create(
                participant=participant,
                place=place,
                protocol_version=allocation.protocol_version,
                at=NOW,
                by=coordinator,
            )
        )


def test_withdrawing_a_participant_never_frees_the_place(sealed, coordinator):
    first = make_verified_participant(sealed)
    allocate(participant=first, by=coordinator, now=NOW)
    add_status(participant=first, name=Status.WITHDRAWN_DATA, by=coordinator, now=NOW, reason="asked for it")
    second = allocate(participant=make_verified_participant(sealed), by=coordinator, now=NOW)
    assert second.place.position == 2
