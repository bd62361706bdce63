"""Deciding who fits, and forgetting who does not."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from screening import services
from screening.eligibility import eligibility
from screening.errors import AlreadyDecided, NotRecruiting, Unanswered
from screening.models import Attempt, Consent, ScreenFailure
from screening.selectors import consort_counts, failed_criteria
from tests.factories import NOW, make_trial
from tests.screening.conftest import FITTING, answer, consent, fit
from trial.audit.models import AuditEvent
from trial.protocol.selectors import active_protocol

NOT_FITTING = {"sick_listed": True, "weeks_sick_listed": 2, "main_complaint": "other"}


def test_who_answers_as_the_criteria_ask_fits(attempt):
    assert fit(attempt).outcome == Attempt.Outcome.ELIGIBLE


def test_who_does_not_fit_hears_every_reason(attempt):
    failed = services.decide(attempt=answer(attempt, NOT_FITTING), now=NOW)

    assert failed.outcome == Attempt.Outcome.NOT_ELIGIBLE
    assert [criterion.key for criterion in failed_criteria(failed)] == ["on_sick_leave", "other_complaint"]


def test_a_failure_keeps_counted_reasons_and_no_answer(attempt):
    services.decide(attempt=answer(attempt, NOT_FITTING), now=NOW)

    attempt.refresh_from_db()
    assert attempt.answers == {}
    assert sorted(ScreenFailure.objects.values_list("criterion", "on")) == [
        ("on_sick_leave", NOW.date()),
        ("other_complaint", NOW.date()),
    ]


def test_the_database_refuses_a_failure_with_answers(attempt):
    services.decide(attempt=answer(attempt, NOT_FITTING), now=NOW)

    with pytest.raises(IntegrityError, match="attempt_that_failed_keeps_nothing"), transaction.atomic():
        Attempt.objects.filter(pk=attempt.pk).update(answers=FITTING)


def test_the_audit_trail_never_holds_an_answer(attempt):
    services.decide(attempt=answer(attempt, NOT_FITTING), now=NOW)

    written = "".join(
        f"{event.old}{event.new}" for event in AuditEvent.objects.filter(table_name__startswith="screening")
    )
    assert "outcome" in written
    assert "weeks_sick_listed" not in written


def test_an_open_question_that_matters_is_asked_again(attempt):
    answer(attempt, {"sick_listed": True, "main_complaint": "pain"})

    with pytest.raises(Unanswered) as refusal:
        services.decide(attempt=attempt, now=NOW)
    assert refusal.value.items == {"weeks_sick_listed"}


def test_an_open_question_that_cannot_matter_is_not_asked(trial):
    decision = eligibility({"sick_listed": False, "main_complaint": "pain"}, active_protocol(trial))

    assert decision.eligible is False
    assert decision.undecided == ()


def test_nobody_is_told_no_before_all_reasons_are_known(trial):
    decision = eligibility({"main_complaint": "other"}, active_protocol(trial))

    assert decision.eligible is None


def test_what_a_coordinator_checks_is_not_decided_from_answers(trial):
    assert eligibility(FITTING, active_protocol(trial)).eligible is True


def test_an_answer_to_a_question_that_is_no_longer_asked_is_dropped(attempt):
    answer(attempt, FITTING)
    changed = services.answer_page(attempt=attempt, answers={"sick_listed": False}, now=NOW)

    assert changed.answers == {"sick_listed": False, "main_complaint": "pain"}


def test_answers_of_two_tabs_are_kept_together(attempt):
    answer(attempt, {"sick_listed": True, "weeks_sick_listed": 10})
    answer(attempt, {"main_complaint": "mind"})

    attempt.refresh_from_db()
    assert attempt.answers == FITTING | {"main_complaint": "mind"}


def test_a_changed_answer_takes_the_decision_and_the_consent_back(consented):
    changed = answer(consented, {"main_complaint": "other"})

    assert changed.outcome == ""
    assert not Consent.objects.exists()


def test_the_same_answer_again_changes_nothing(consented):
    answer(consented, FITTING)

    consented.refresh_from_db()
    assert consented.outcome == Attempt.Outcome.ELIGIBLE
    assert Consent.objects.count() == 1


def test_a_registered_participants_answers_stand(consented, participant):
    with pytest.raises(AlreadyDecided):
        answer(consented, {"main_complaint": "mind"})


def test_who_begins_again_after_a_slip_is_one_person_assessed(trial, attempt):
    services.decide(attempt=answer(attempt, NOT_FITTING), now=NOW)
    services.begin_again(attempt=attempt, now=NOW)
    fit(attempt)

    attempt.refresh_from_db()
    assert attempt.restarts == 1
    assert consort_counts(trial).assessed == 1
    assert consort_counts(trial).excluded_by_reason == {}


def test_a_trial_that_does_not_recruit_takes_nobody(db):
    closed = make_trial(recruiting=False)

    with pytest.raises(NotRecruiting):
        services.begin(trial=closed, language="nb", now=NOW)


def test_who_never_comes_back_is_forgotten_after_a_day(trial, consented):
    assert services.forget(now=NOW + timedelta(hours=23)) == 0
    assert services.forget(now=NOW + timedelta(hours=25)) == 1

    consented.refresh_from_db()
    assert consented.answers == {}
    assert not Consent.objects.exists()
    assert consort_counts(trial).declined == 1


def test_a_participant_is_not_forgotten(consented, participant):
    assert services.forget(now=NOW + timedelta(days=400)) == 0

    consented.refresh_from_db()
    assert consented.answers == FITTING


def test_reasons_and_people_are_counted(trial):
    for answers in (NOT_FITTING, {**FITTING, "main_complaint": "other"}, FITTING):
        attempt = services.begin(trial=trial, language="nb", now=NOW)
        services.decide(attempt=answer(attempt, answers), now=NOW)
    consent(attempt)

    counts = consort_counts(trial)
    assert (counts.assessed, counts.excluded, counts.underway, counts.consented) == (3, 2, 1, 0)
    assert counts.excluded_by_reason == {"on_sick_leave": 1, "other_complaint": 2}
