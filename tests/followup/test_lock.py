"""Once the data are locked, nothing that people or sweeps do changes them."""

from datetime import timedelta
from decimal import Decimal

import pytest

from followup.models import Skip, UnclearReply, WeeklyAnswer
from followup.selectors import answerable_weeks, ledger, open_questionnaires, worklist_calls
from followup.services import (
    Turned,
    correct_answer,
    finish_plans,
    record_call,
    record_web_answer,
    resolve_reply,
    turn_due_occasions,
)
from tests.factories import lock_data
from trial.people.models import Status
from trial.people.selectors import facts
from trial.protocol.errors import DataLocked

SOON = timedelta(minutes=5)
YEAR = timedelta(days=365)


@pytest.fixture
def locked(world, anna):
    """Her first week was asked about and answered; then the data were locked."""
    world.ask(anna)
    world.hear(anna, "kanskje")
    world.hear(anna, "3")
    lock_data(world.trial, now=world.now)
    return world


def test_answers_by_web_and_call_and_corrections_are_refused(locked, anna):
    by, now, days = locked.coordinator, locked.now + SOON, Decimal(5)
    with pytest.raises(DataLocked):
        record_web_answer(participant=anna, week=1, days=days, now=now)
    with pytest.raises(DataLocked):
        record_call(participant=anna, by=by, now=now, outcome="answered", answers={1: days})
    with pytest.raises(DataLocked):
        correct_answer(participant=anna, week=1, days=days, by=by, reason="a slip", now=now)
    assert WeeklyAnswer.objects.get().days == 3


def test_an_unclear_reply_can_be_put_away_but_becomes_no_answer(locked, anna):
    reply, by, now = UnclearReply.objects.get(), locked.coordinator, locked.now + SOON
    with pytest.raises(DataLocked):
        resolve_reply(reply=reply, by=by, now=now, reason="she said two", days=Decimal(2))
    resolve_reply(reply=reply, by=by, now=now, reason="too late")
    assert WeeklyAnswer.objects.count() == 1


def test_a_reply_waits_for_a_coordinator_and_leaves_the_ledger_alone(locked, anna):
    before = ledger(anna, locked.now)
    locked.hear(anna, "4")
    late = UnclearReply.objects.latest("id")
    assert (late.why, late.participant, late.occasion) == ("no_open_question", anna, None)
    assert ledger(anna, locked.now) == before


def test_stop_still_stops(locked, anna):
    locked.hear(anna, "STOPP")
    assert Status.STOPPED_CONTACT in facts(anna, locked.now)
    assert not Skip.objects.filter(what=Skip.What.ANSWER).exists()


def test_nobody_is_asked_or_reminded_or_called(locked, anna):
    moment = locked.week(anna, 2).opens_at
    assert turn_due_occasions(now=moment) == Turned(skips=1)
    assert Skip.objects.get(occasion__key="w02").reason == Skip.Reason.LOCKED
    assert answerable_weeks(anna, moment) == []
    assert not open_questionnaires(anna, locked.week(anna, 2).closes_at + timedelta(days=1)).exists()
    assert worklist_calls(locked.coordinator, moment + timedelta(weeks=4)) == []


def test_follow_up_is_not_completed_afterwards(locked, anna):
    assert finish_plans(now=locked.now + YEAR) == 0
    assert Status.COMPLETED not in facts(anna, locked.now + YEAR)


def test_the_same_is_done_in_a_trial_that_is_open(world, anna):
    world.ask(anna)
    world.hear(anna, "3")
    record_web_answer(participant=anna, week=1, days=Decimal(5), now=world.now)
    assert [week.number for week in answerable_weeks(anna, world.now)] == [1]
    assert finish_plans(now=world.now + YEAR) == 1
