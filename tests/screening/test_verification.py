"""What a coordinator must check, decided and counted."""

import pytest

from screening import services
from screening.errors import BaselineNotFinished, DecisionMissing
from screening.models import Verification
from screening.selectors import consort_counts, criteria_to_verify, verification_of
from tests.factories import NOW, lock_data, make_participant, make_screened_participant, make_trial, make_user
from trial.people.errors import ReasonMissing
from trial.people.models import Status
from trial.people.selectors import facts
from trial.protocol.errors import DataLocked

pytestmark = pytest.mark.django_db


@pytest.fixture
def trial():
    return make_trial(
        changes={
            'checked_by = "coordinator"': 'checked_by = "coordinator"\nexpression = "wellbeing_total <= 2"',
        }
    )


@pytest.fixture
def coordinator(trial):
    return make_user("coordinator", trial=trial)


def verify(participant, by, *, fits=True, reason=""):
    return services.verify(
        participant=participant, by=by, decisions={"needs_treatment": fits}, now=NOW, reason=reason
    )


def test_the_checklist_says_what_follows_from_the_answers(trial):
    [to_verify] = criteria_to_verify(make_screened_participant(trial))

    assert to_verify.criterion.key == "needs_treatment"
    assert to_verify.suggestion is True
    assert [(score.key, value) for score, value in to_verify.scores] == [("wellbeing_total", 8)]


def test_the_checklist_is_silent_where_the_answers_do_not_tell(trial):
    to_verify = criteria_to_verify(make_participant(trial))[-1]

    assert to_verify.suggestion is None
    assert to_verify.scores == ()


def test_a_person_checks_what_the_answers_leave_open(trial):
    asked = [one.criterion.key for one in criteria_to_verify(make_participant(trial))]
    assert asked == ["on_sick_leave", "other_complaint", "needs_treatment"]


def test_nothing_in_the_way_verifies(trial, coordinator):
    participant = make_screened_participant(trial)
    verify(participant, coordinator)

    assert verification_of(participant).eligible
    assert Status.VERIFIED in facts(participant, NOW)


def test_one_criterion_in_the_way_makes_not_eligible(trial, coordinator):
    participant = make_screened_participant(trial)
    verify(participant, coordinator, fits=False, reason="Fracture")

    assert verification_of(participant).reason == "Fracture"
    assert Status.NOT_ELIGIBLE in facts(participant, NOW)


def test_a_later_decision_counts_instead(trial, coordinator):
    participant = make_screened_participant(trial)
    verify(participant, coordinator, fits=False)
    verify(participant, coordinator, reason="A slip")

    assert verification_of(participant).eligible
    assert Status.NOT_ELIGIBLE not in facts(participant, NOW)


def test_a_later_decision_needs_a_reason(trial, coordinator):
    participant = make_screened_participant(trial)
    verify(participant, coordinator, fits=False)
    with pytest.raises(ReasonMissing):
        verify(participant, coordinator, reason=" ")

    assert not verification_of(participant).eligible


def test_the_same_decision_sent_twice_is_recorded_once(trial, coordinator):
    participant = make_screened_participant(trial)
    verify(participant, coordinator)
    verify(participant, coordinator)

    assert Verification.objects.count() == 1


def test_every_criterion_needs_a_decision(trial, coordinator):
    with pytest.raises(DecisionMissing) as refusal:
        services.verify(participant=make_screened_participant(trial), by=coordinator, decisions={}, now=NOW)
    assert refusal.value.criteria == ("needs_treatment",)


def test_nobody_is_verified_before_the_baseline_is_there(trial, coordinator):
    with pytest.raises(BaselineNotFinished):
        verify(make_participant(trial), coordinator)


def test_the_flow_is_counted_in_people(trial, coordinator):
    first, second = make_screened_participant(trial), make_screened_participant(trial)
    verify(first, coordinator, fits=False)
    verify(first, coordinator, reason="A slip")
    verify(second, coordinator, fits=False)

    counts = consort_counts(trial)
    assert (counts.assessed, counts.consented, counts.baseline_completed) == (2, 2, 2)
    assert (counts.verified, counts.not_eligible_on_check) == (1, 1)


def test_nobody_is_verified_after_the_data_lock(trial, coordinator):
    participant = make_screened_participant(trial)
    lock_data(trial)
    with pytest.raises(DataLocked):
        verify(participant, coordinator)
    assert verification_of(participant) is None
