"""Minimization from the sealed draw to the arm: decided at allocation, kept, and computed again."""

import re
from collections import Counter
from fractions import Fraction

import pytest

from randomization.decisions import Tally, decisions, open_decision, seal_decision, tally_of
from randomization.designs import design_from
from randomization.errors import ListDamaged, NotReady
from randomization.models import Allocation, Place, Stratum
from randomization.sealing import unseal_place
from randomization.selectors import arm_for, arms_for_analysis, for_case_work, sealed_list, stratum_counts
from randomization.services import allocate
from randomization.verification import verify
from tests.factories import NOW, amend, make_trial, make_user, make_verified_participant, seal
from tests.world import undone
from trial.people.models import Status
from trial.people.services import add_status

MINIMIZED = {
    'method = "permuted_blocks"': 'method = "minimization"\nprobability = "4/5"',
    "block_sizes = [4, 6]\n": "",
    "target = 400": "target = 40",
}


@pytest.fixture
def trial(db):
    trial = make_trial("minimized", changes=MINIMIZED)
    seal(trial)
    return trial


@pytest.fixture
def by(trial):
    return make_user("coordinator", trial=trial)


def randomized(trial, by, count=12):
    """So many, in order, at both sites and with both complaints."""
    sites = [trial.sites.get(key="north"), trial.sites.get(key="south")]
    people = [
        make_verified_participant(trial, sites[n % 2], complaint=("pain", "mind", "pain")[n % 3], by=by)
        for n in range(count)
    ]
    return [allocate(participant=participant, by=by, now=NOW) for participant in people]


def draw_of(place):
    stratum = place.stratum
    opened = unseal_place(
        bytes(place.content), list_id=stratum.sealed_list_id, stratum=stratum.key, position=place.position
    )
    return int(opened)


def test_nobody_at_a_site_that_the_sealed_design_does_not_know_is_randomized(trial, by):
    amend(trial, {"[eligibility]\n": '[[sites]]\nkey = "west"\nname = "West"\n\n[eligibility]\n'})
    participant = make_verified_participant(trial, trial.sites.get(key="west"), by=by)
    with pytest.raises(NotReady, match="sealed list"):
        allocate(participant=participant, by=by, now=NOW)


def test_each_decision_is_kept_and_can_be_computed_again(trial, by):
    allocations = randomized(trial, by)
    sealed = sealed_list(trial)
    design, before = design_from(sealed.design), Tally()

    made = list(decisions(sealed))

    assert [position for position, _decision in made] == list(range(1, 13))
    for allocation, (_position, decision) in zip(allocations, made, strict=True):
        assert decision == design.decide(decision.levels, before.counts, draw_of(allocation.place))
        assert sum(decision.probabilities.values()) == 1
        before.add(decision)
    assert made[0].decision.levels == {"site": "north", "complaint": "body"}
    assert made[1].decision.levels == {"site": "south", "complaint": "mind"}
    assert made[0].decision.probabilities == {"talk": Fraction(1, 2), "usual": Fraction(1, 2)}


def test_the_arm_comes_from_the_decision_and_never_from_the_place(trial, by):
    allocations = randomized(trial, by, 6)
    decided = {
        allocation.participant_id: made.decision.arm
        for allocation, made in zip(allocations, decisions(sealed_list(trial)), strict=True)
    }
    assert arms_for_analysis(trial=trial, reason="test", now=NOW) == decided
    assert {p.pk for p in for_case_work(trial=trial, arm_key="talk")} == {
        pk for pk, arm in decided.items() if arm == "talk"
    }
    for allocation in allocations:
        arm = arm_for(user=by, participant=allocation.participant, reason="to plan the meeting", now=NOW)
        assert arm.key == decided[allocation.participant_id]


def test_there_is_one_list_for_all_and_it_is_used_in_order(trial, by):
    allocations = randomized(trial, by, 5)
    assert [allocation.place.position for allocation in allocations] == [1, 2, 3, 4, 5]
    assert [(count.key, count.used, count.places) for count in stratum_counts(trial)] == [("all", 5, 40)]


def test_the_factors_are_balanced(trial, by):
    randomized(trial, by, 24)
    tally = Tally(made.decision for made in decisions(sealed_list(trial)))
    for levels in tally.counts.values():
        for arms in levels.values():
            assert abs(arms.get("talk", 0) - arms.get("usual", 0)) <= 6


def test_a_process_that_remembers_its_count_decides_as_one_that_opens_all_anew(trial, by, monkeypatch):
    """Beside another trial and another process, and after what was taken back."""
    beside = make_trial("beside", changes=MINIMIZED)
    seal(beside)
    for _round in range(3):
        randomized(trial, by, 2)
        randomized(beside, make_user("coordinator", trial=beside), 2)
        with undone():
            randomized(trial, by, 5)
        with monkeypatch.context() as another_process:
            another_process.setattr("randomization.decisions._counted", {})
            for count in (1, 5):  # so that others come to the places of those who were taken back
                randomized(trial, by, count)
        for sealed in (sealed_list(trial), sealed_list(beside)):
            assert tally_of(sealed.pk).counts == Tally(made.decision for made in decisions(sealed)).counts
    assert [verify(one).allocations for one in (trial, beside)] == [24, 6]


def test_who_withdraws_still_counts_for_those_who_come_later(trial, by):
    first = randomized(trial, by, 1)[0]
    add_status(
        participant=first.participant, name=Status.WITHDRAWN_DATA, by=by, now=NOW, reason="asked for it"
    )
    randomized(trial, by, 1)
    one, two = [made.decision for made in decisions(sealed_list(trial))]
    assert two.scores[one.arm] > min(two.scores.values())


def test_what_is_sealed_is_as_long_whatever_was_decided(trial, by):
    randomized(trial, by, 8)
    sealed = Allocation.objects.values_list("decision", flat=True)
    assert len({len(one) for one in sealed}) == 1


def test_a_decision_that_is_moved_or_changed_does_not_open(trial, by):
    randomized(trial, by, 1)
    sealed = sealed_list(trial)
    kept = bytes(Allocation.objects.get().decision)
    assert open_decision(kept, list_id=sealed.pk, position=1) == next(decisions(sealed)).decision
    with pytest.raises(ListDamaged):
        open_decision(kept, list_id=sealed.pk, position=2)
    with pytest.raises(ListDamaged):
        open_decision(kept[:-1] + bytes([kept[-1] ^ 1]), list_id=sealed.pk, position=1)


def test_no_column_tells_what_was_decided(trial, by):
    randomized(trial, by, 1)
    kept = bytes(Allocation.objects.get().decision)
    assert not re.search(rb"talk|usual|north|body", kept)
    assert not re.search(rb"talk|usual", bytes(Place.objects.get(position=1).content))


def test_another_design_keeps_no_decision(db):
    trial = make_trial()
    seal(trial)
    by = make_user("coordinator", trial=trial)
    allocation = allocate(participant=make_verified_participant(trial, by=by), by=by, now=NOW)
    assert allocation.decision is None
    assert list(decisions(sealed_list(trial))) == []


def test_fractions_are_kept_exactly(trial, by):
    randomized(trial, by, 3)
    decision = next(decisions(sealed_list(trial))).decision
    third = {"talk": Fraction(1, 3), "usual": Fraction(2, 3)}
    exact = type(decision)(decision.arm, decision.draw, decision.levels, third, third)
    sealed = sealed_list(trial)
    kept = seal_decision(exact, list_id=sealed.pk, position=9)
    assert open_decision(kept, list_id=sealed.pk, position=9) == exact
    assert Counter(Stratum.objects.values_list("used", flat=True)) == {3: 1}
