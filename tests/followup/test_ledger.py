"""For each participant and week a number of days, or the reason why there is none."""

from datetime import timedelta
from random import Random

import pytest

from followup import selectors
from followup.ledger import STATES, Missing
from followup.selectors import (
    answerable_weeks,
    ledger,
    ledger_rows,
    missing_by_reason,
    next_occasion,
    open_questionnaires,
    response_last_week,
    response_rates,
)
from tests.factories import NOW, make_trial
from tests.followup.conftest import oslo
from trial.messaging.models import Message
from trial.messaging.services import record_receipt
from trial.people.models import Status
from trial.people.services import add_status

MONDAY = oslo(2026, 3, 16, 10, 0)
WEEK = timedelta(days=7)


def reasons(participant, now):
    return [week.reason for week in ledger(participant, now)]


def report(status):
    """The provider tells what became of the question of week 1."""
    message = Message.objects.get(key="w01:ask")
    record_receipt(
        message_id=message.pk, provider_id=message.provider_id, status=status, error_code="", now=MONDAY
    )


def test_who_has_no_plan_has_no_ledger(world):
    from tests.factories import make_participant

    assert ledger(make_participant(world.trial), NOW) == []


def test_weeks_to_come_are_not_due(world, anna):
    assert reasons(anna, NOW) == ["not_due"] * 4


def test_a_week_waits_while_there_is_time_and_is_silent_after(world, anna):
    world.ask(anna)
    week = world.week(anna, 1)
    assert reasons(anna, week.opens_at)[0] == "waiting"
    assert reasons(anna, week.closes_at - timedelta(seconds=1))[0] == "waiting"
    assert reasons(anna, week.closes_at)[0] == "silent"


def test_a_week_that_no_sweep_saw_was_not_sent(world, anna):
    assert reasons(anna, MONDAY + WEEK)[:2] == ["not_sent", "waiting"]


def test_an_undelivered_question_is_told_apart_from_silence(world, anna):
    world.ask(anna)
    report("undelivered")
    assert reasons(anna, MONDAY + WEEK)[0] == "undelivered"


def test_a_question_that_was_delivered_after_all_counts_as_delivered(world, anna):
    world.ask(anna)
    report("undelivered")
    report("delivered")
    assert reasons(anna, MONDAY + WEEK)[0] == "silent"


def test_a_message_that_dispatch_held_back_gives_its_reason(world, anna):
    selectors_now = MONDAY
    from followup.services import turn_due_occasions
    from trial.messaging.services import dispatch_due

    turn_due_occasions(now=selectors_now)
    add_status(participant=anna, name=Status.PAUSED, by=None, now=selectors_now)
    dispatch_due(gateway=world.gateway, now=selectors_now)
    assert reasons(anna, MONDAY)[0] == "paused"


def test_too_late_is_not_sent_with_its_detail(world, anna):
    world.sweep(MONDAY + WEEK)
    first = ledger(anna, MONDAY + WEEK)[0]
    assert (first.missing, first.detail, first.detail_label) == (
        Missing.NOT_SENT,
        "too_late",
        "too late to ask",
    )


def test_who_withdraws_after_the_question_is_not_called_silent(world, anna):
    world.ask(anna)
    add_status(participant=anna, name=Status.WITHDRAWN_CONTACT, by=None, now=MONDAY + timedelta(hours=1))
    world.sweep(MONDAY + timedelta(days=2))
    assert reasons(anna, MONDAY + WEEK)[0] == "withdrawn"


def test_an_answer_is_told_with_its_source(world, anna):
    world.ask(anna)
    world.hear(anna, "2,5")
    week = ledger(anna, world.now)[0]
    assert (week.days, week.source, week.answered_at, week.corrected) == (2.5, "sms", world.now, False)
    assert (week.missing, week.reason, week.state, week.level, week.sign) == (
        None,
        None,
        "answered",
        2,
        "2.5",
    )


def test_every_reason_can_be_drawn():
    assert set(STATES) == set(Missing)


@pytest.fixture
def lived(world, monkeypatch):
    """Seven people live through six weeks in which anything may happen."""
    monkeypatch.setattr(selectors, "AT_ONCE", 2)
    chance = Random(7)
    people = [world.randomize(at=NOW + timedelta(days=number)) for number in range(7)]
    moment = MONDAY
    while moment < MONDAY + 6 * WEEK:
        world.sweep(moment)
        for participant in people:
            text = chance.choice([*[None] * 9, "3", "0", "3-4", "takk", "STOP", "START", "2,5"])
            if text:
                world.reply(participant, text, at=moment + timedelta(minutes=5))
            if chance.random() < 0.03:
                status = chance.choice([Status.PAUSED, Status.RESUMED, Status.WITHDRAWN_CONTACT])
                add_status(participant=participant, name=status, by=None, now=moment)
        moment += timedelta(hours=chance.choice([6, 12, 24, 80]))
    world.sweep(moment)
    return people


def test_the_whole_trials_ledger_is_that_of_each_participant(world, lived):
    people = sorted(lived, key=lambda one: one.study_id)
    for now in (NOW, MONDAY, MONDAY + 2 * WEEK, MONDAY + 9 * WEEK):
        rows = list(ledger_rows(world.trial, now))
        assert rows == [week for participant in people for week in ledger(participant, now)]
        assert len(rows) == 4 * len(people)


def test_each_week_has_days_or_a_reason_and_never_both(world, lived):
    rows = list(ledger_rows(world.trial, world.now + 9 * WEEK))
    assert all((row.days is None) != (row.missing is None) for row in rows)
    assert len({row.missing for row in rows}) > 4


def test_another_trials_weeks_stay_out(world, lived):
    assert list(ledger_rows(make_trial("other"), NOW)) == []


def test_counts_by_reason_leave_out_what_has_not_come(world, lived):
    now = world.now + 9 * WEEK
    rows = list(ledger_rows(world.trial, now))
    counts = missing_by_reason(world.trial, now)
    assert Missing.NOT_DUE not in counts
    assert sum(counts.values()) == sum(row.days is None for row in rows)
    assert missing_by_reason(world.trial, NOW) == {}


def test_response_counts_those_who_were_asked(world, lived):
    now = world.now + 9 * WEEK
    rates = response_rates(world.trial, now)
    rows = list(ledger_rows(world.trial, now))
    assert [rate.number for rate in rates] == [1, 2, 3, 4]
    assert [rate.due for rate in rates] == [7, 7, 7, 7]
    assert sum(rate.answered for rate in rates) == sum(row.days is not None for row in rows)
    assert all(rate.answered <= rate.asked <= rate.due for rate in rates)


def test_the_response_of_last_week_is_a_percentage(world, anna):
    assert response_last_week(world.trial, MONDAY) is None
    world.ask(anna)
    world.hear(anna, "3")
    assert response_last_week(world.trial, MONDAY + WEEK) == 100
    world.sweep(MONDAY + WEEK)
    assert response_last_week(world.trial, MONDAY + 2 * WEEK) == 0


def test_the_ledger_of_many_takes_few_queries(world, lived, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(selectors, "AT_ONCE", 200)
    with django_assert_max_num_queries(8):
        list(ledger_rows(world.trial, world.now))


def test_the_weeks_that_can_still_be_answered_reach_back_as_far_as_the_protocol_says(world, anna):
    assert [week.number for week in answerable_weeks(anna, MONDAY)] == [1]
    four_weeks_later = MONDAY + 4 * WEEK  # local days count: the clock changed in between
    assert [week.number for week in answerable_weeks(anna, four_weeks_later)] == [4, 3, 2, 1]
    assert [week.number for week in answerable_weeks(anna, four_weeks_later + timedelta(days=1))] == [4, 3, 2]


def test_what_comes_next_and_what_is_open(world, anna):
    assert next_occasion(anna, MONDAY).key == "w02"
    assert list(open_questionnaires(anna, MONDAY)) == []
    assert [one.key for one in open_questionnaires(anna, oslo(2026, 3, 24, 10, 0))] == ["week2"]
