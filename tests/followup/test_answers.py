"""Answers on the own page and the phone, corrections, and what a coordinator makes of unclear replies."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from followup.errors import (
    AlreadyAnswered,
    AlreadyResolved,
    NothingToCorrect,
    NotInRange,
    NotYet,
    TooLongAgo,
    WeekMissing,
)
from followup.models import Call, ReplyResolution, UnclearReply, WeeklyAnswer
from followup.selectors import ledger, possible_weeks, worklist_calls, worklist_unclear
from followup.services import correct_answer, record_call, record_web_answer, resolve_reply
from tests.factories import identity_of, make_trial, make_user, seal
from tests.followup.conftest import World, oslo
from trial.messaging.services import record_inbound
from trial.people.errors import NotPermitted, ReasonMissing
from trial.people.models import Status
from trial.people.services import add_status, change_phone

MONDAY = oslo(2026, 3, 16, 10, 0)
WEEK = timedelta(days=7)


@pytest.fixture
def bob(world):
    """A coordinator of the other site."""
    return make_user("coordinator", site=world.trial.sites.get(key="south"), trial=world.trial)


def pending(world):
    return worklist_unclear(world.coordinator).get()


# --- own page ---


def test_a_web_answer_fills_a_week(world, anna):
    record_web_answer(participant=anna, week=1, days=Decimal("1.5"), now=MONDAY + WEEK)
    world.now = MONDAY + WEEK
    assert world.days(anna, 1) == 1.5


def test_a_web_answer_after_an_sms_counts(world, anna):
    world.ask(anna)
    world.hear(anna, "3")
    record_web_answer(participant=anna, week=1, days=Decimal(2), now=world.now + timedelta(hours=1))
    assert world.days(anna, 1) == 2


def test_a_web_answer_sent_twice_is_one_answer_and_no_correction(world, anna):
    for _ in range(2):
        record_web_answer(participant=anna, week=1, days=Decimal(2), now=MONDAY)
    assert WeeklyAnswer.objects.count() == 1
    record_web_answer(participant=anna, week=1, days=Decimal(3), now=MONDAY)
    assert ledger(anna, MONDAY)[0].corrected


def test_the_same_number_twice_by_sms_is_no_correction(world, anna):
    world.ask(anna)
    world.hear(anna, "3")
    world.hear(anna, "3")
    assert WeeklyAnswer.objects.count() == 2
    assert not ledger(anna, world.now)[0].corrected


def test_a_week_that_is_not_over_is_refused(world, anna):
    with pytest.raises(NotYet):
        record_web_answer(participant=anna, week=1, days=Decimal(2), now=MONDAY - timedelta(seconds=1))


def test_a_week_too_far_back_is_refused_kindly(world, anna):
    record_web_answer(participant=anna, week=1, days=Decimal(2), now=MONDAY + 4 * WEEK)
    with pytest.raises(TooLongAgo, match="That is quite all right"):
        record_web_answer(
            participant=anna, week=1, days=Decimal(2), now=MONDAY + 4 * WEEK + timedelta(days=1)
        )


@pytest.mark.parametrize("days", ["-1", "7.5", "8", "0.3"])
def test_an_impossible_number_is_refused(world, anna, days):
    with pytest.raises(NotInRange):
        record_web_answer(participant=anna, week=1, days=Decimal(days), now=MONDAY)


def test_a_week_that_does_not_exist_is_refused(world, anna):
    with pytest.raises(WeekMissing):
        record_web_answer(participant=anna, week=5, days=Decimal(1), now=MONDAY)


# --- calls ---


def test_a_call_can_answer_several_weeks(world, anna):
    call = record_call(
        participant=anna,
        by=world.coordinator,
        now=MONDAY + 2 * WEEK,
        outcome="answered",
        answers={1: Decimal(5), 2: Decimal(0)},
    )
    assert call.outcome == Call.Outcome.ANSWERED
    world.now = MONDAY + 2 * WEEK
    assert [world.days(anna, week) for week in (1, 2)] == [5, 0]


def test_a_call_sent_twice_is_recorded_once(world, anna):
    def call(seconds):
        record_call(
            participant=anna,
            by=world.coordinator,
            now=MONDAY + timedelta(seconds=seconds),
            outcome="answered",
            note="At noon",
            answers={1: Decimal(5)},
        )

    call(0)
    call(1)
    assert (Call.objects.count(), WeeklyAnswer.objects.count()) == (1, 1)
    with pytest.raises(AlreadyAnswered):
        call(600)


def test_a_call_with_other_answers_within_the_minute_is_another_call(world, anna):
    for week in (1, 2):
        record_call(
            participant=anna,
            by=world.coordinator,
            now=MONDAY + 2 * WEEK + timedelta(seconds=week),
            outcome="answered",
            answers={week: Decimal(week)},
        )
    world.now = MONDAY + 2 * WEEK
    assert Call.objects.count() == 2
    assert [world.days(anna, week) for week in (1, 2)] == [1, 2]


def test_a_call_does_not_overwrite_an_answer_which_a_correction_does_with_a_reason(world, anna):
    world.ask(anna)
    world.hear(anna, "3")
    with pytest.raises(AlreadyAnswered, match="Week 1"):
        record_call(
            participant=anna,
            by=world.coordinator,
            now=world.now,
            outcome="answered",
            answers={1: Decimal(5)},
        )
    assert world.days(anna, 1) == 3
    assert not Call.objects.exists()


def test_a_call_with_one_impossible_answer_records_nothing(world, anna):
    with pytest.raises(NotYet):
        record_call(
            participant=anna,
            by=world.coordinator,
            now=MONDAY,
            outcome="answered",
            answers={1: Decimal(5), 2: Decimal(0)},
        )
    assert not Call.objects.exists()


def test_a_coordinator_of_another_site_cannot_record_a_call(world, anna, bob):
    with pytest.raises(NotPermitted):
        record_call(participant=anna, by=bob, now=MONDAY, outcome="not_reached")


def silent_for(world, participant, weeks):
    for week in range(1, weeks + 1):
        world.ask(participant, week)
    world.now = world.week(participant, weeks).closes_at


def test_who_is_silent_for_three_weeks_is_to_be_called(world, anna):
    silent_for(world, anna, 3)
    assert [(row.participant, row.weeks) for row in worklist_calls(world.coordinator, world.now)] == [
        (anna, 3)
    ]


def test_two_silent_weeks_are_not_enough(world, anna):
    silent_for(world, anna, 2)
    assert worklist_calls(world.coordinator, world.now) == []


def test_whoever_replied_anything_at_all_is_not_silent(world, anna):
    world.ask(anna, 1)
    world.ask(anna, 2)
    world.hear(anna, "vet ikke")
    world.ask(anna, 3)
    assert worklist_calls(world.coordinator, world.week(anna, 3).closes_at) == []


@pytest.mark.parametrize(
    "status", [Status.STOPPED_CONTACT, Status.PAUSED, Status.WITHDRAWN_CONTACT, Status.DIED]
)
def test_nobody_calls_who_may_not_be_contacted(world, anna, status):
    silent_for(world, anna, 3)
    add_status(participant=anna, name=status, by=None, now=world.now)
    assert worklist_calls(world.coordinator, world.now) == []


def test_after_a_call_the_participant_leaves_the_list_until_another_week_is_silent(world, anna):
    silent_for(world, anna, 3)
    record_call(participant=anna, by=world.coordinator, now=world.now, outcome="not_reached")
    assert worklist_calls(world.coordinator, world.now) == []
    world.ask(anna, 4)
    (row,) = worklist_calls(world.coordinator, world.week(anna, 4).closes_at)
    assert (row.weeks, row.last_call) == (4, world.week(anna, 3).closes_at)


def test_the_list_of_calls_is_for_the_own_site(world, anna, bob):
    silent_for(world, anna, 3)
    assert worklist_calls(bob, world.now) == []


# --- corrections ---


def test_a_correction_keeps_what_was_answered(world, anna):
    world.ask(anna)
    world.hear(anna, "3")
    correct_answer(
        participant=anna, week=1, days=Decimal(5), by=world.coordinator, reason="Misread", now=world.now
    )
    assert world.days(anna, 1) == 5
    assert WeeklyAnswer.objects.count() == 2


def test_a_correction_needs_a_reason(world, anna):
    world.ask(anna)
    world.hear(anna, "3")
    with pytest.raises(ReasonMissing):
        correct_answer(
            participant=anna, week=1, days=Decimal(5), by=world.coordinator, reason=" ", now=world.now
        )


@pytest.mark.parametrize(("reply", "days"), [(None, 3), ("3", 3)])
def test_a_correction_of_nothing_is_refused(world, anna, reply, days):
    world.ask(anna)
    if reply:
        world.hear(anna, reply)
    with pytest.raises(NothingToCorrect):
        correct_answer(
            participant=anna, week=1, days=Decimal(days), by=world.coordinator, reason="?", now=world.now
        )


def test_a_coordinator_of_another_site_corrects_nothing(world, anna, bob):
    world.ask(anna)
    world.hear(anna, "3")
    with pytest.raises(NotPermitted):
        correct_answer(participant=anna, week=1, days=Decimal(5), by=bob, reason="x", now=world.now)


# --- unclear replies ---


def test_a_coordinator_decides_how_many_days_a_reply_says(world, anna):
    world.ask(anna)
    world.hear(anna, "3-4, mest 4")
    resolve_reply(
        reply=pending(world),
        by=world.coordinator,
        now=world.now + WEEK,
        reason="Mostly four",
        days=Decimal(4),
    )
    assert world.days(anna, 1) == 4
    assert not worklist_unclear(world.coordinator).exists()


def test_a_coordinator_decides_that_a_reply_is_no_answer(world, anna):
    world.ask(anna)
    world.hear(anna, "Hvem er dette?")
    resolution = resolve_reply(reply=pending(world), by=world.coordinator, now=world.now, reason="A question")
    assert (resolution.outcome, resolution.answer) == ("no_answer", None)
    assert world.days(anna, 1) is None


def test_a_later_clear_answer_outlives_the_decision_about_an_earlier_reply(world, anna):
    world.ask(anna)
    world.hear(anna, "3-4")
    world.hear(anna, "3")
    resolve_reply(reply=pending(world), by=world.coordinator, now=world.now, reason="4?", days=Decimal(4))
    assert world.days(anna, 1) == 3


def test_a_decision_is_made_once(world, anna):
    world.ask(anna)
    world.hear(anna, "3-4")
    reply = pending(world)
    resolve_reply(reply=reply, by=world.coordinator, now=world.now, reason="Nothing")
    with pytest.raises(AlreadyResolved):
        resolve_reply(reply=reply, by=world.coordinator, now=world.now, reason="Four", days=Decimal(4))
    assert world.days(anna, 1) is None


def test_a_decision_needs_a_reason_and_a_possible_number(world, anna):
    world.ask(anna)
    world.hear(anna, "3-4")
    with pytest.raises(ReasonMissing):
        resolve_reply(reply=pending(world), by=world.coordinator, now=world.now, reason="", days=Decimal(4))
    with pytest.raises(NotInRange):
        resolve_reply(reply=pending(world), by=world.coordinator, now=world.now, reason="x", days=Decimal(9))


def test_another_sites_replies_are_neither_seen_nor_decided(world, anna, bob):
    world.ask(anna)
    world.hear(anna, "3-4")
    assert not worklist_unclear(bob).exists()
    with pytest.raises(NotPermitted):
        resolve_reply(reply=UnclearReply.objects.get(), by=bob, now=world.now, reason="x")


def test_a_late_reply_is_given_to_the_week_that_the_coordinator_chooses(world, anna):
    world.ask(anna, 4)
    world.hear(anna, "2", at=oslo(2026, 4, 20, 10, 0))
    reply = pending(world)
    weeks = possible_weeks(reply, world.coordinator)
    assert [week.number for week in weeks] == [4, 3, 2]
    with pytest.raises(WeekMissing):
        resolve_reply(reply=reply, by=world.coordinator, now=world.now, reason="x", days=Decimal(2))
    resolve_reply(
        reply=reply, by=world.coordinator, now=world.now, reason="x", days=Decimal(2), occasion=weeks[0]
    )
    assert world.days(anna, 4) == 2


def test_a_reply_from_a_shared_phone_is_given_to_the_one_who_wrote(world, anna):
    bo = world.randomize()
    change_phone(participant=bo, phone=identity_of(anna).phone, by=None, now=world.now)
    world.ask(anna)
    world.hear(anna, "3")
    reply = pending(world)
    weeks = possible_weeks(reply, world.coordinator)
    assert {week.participant for week in weeks} == {anna, bo}
    his = next(week for week in weeks if week.participant == bo)
    resolve_reply(
        reply=reply, by=world.coordinator, now=world.now, reason="He", days=Decimal(3), occasion=his
    )
    assert (world.days(anna, 1), world.days(bo, 1)) == (None, 3)


def test_a_reply_from_a_shared_phone_cannot_be_given_to_another_sites_participant(world, anna, bob):
    bo = world.randomize(site=world.trial.sites.get(key="south"))
    change_phone(participant=bo, phone=identity_of(anna).phone, by=None, now=world.now)
    world.ask(anna)
    world.hear(anna, "3")
    reply = worklist_unclear(bob).get()
    assert {week.participant for week in possible_weeks(reply, bob)} == {bo}
    with pytest.raises(NotPermitted):
        resolve_reply(
            reply=reply, by=bob, now=world.now, reason="x", days=Decimal(3), occasion=world.week(anna, 1)
        )


def test_a_reply_from_a_stranger_is_seen_by_who_works_everywhere(world, anna, bob):
    record_inbound(provider_id="SM9", sender="+4768050099", body="3", now=MONDAY)
    world.sweep(MONDAY)
    everywhere = make_user("coordinator")
    assert not worklist_unclear(world.coordinator).exists()
    reply = worklist_unclear(everywhere).get()
    assert possible_weeks(reply, everywhere) == []
    resolve_reply(reply=reply, by=everywhere, now=MONDAY, reason="A wrong number")
    assert not worklist_unclear(everywhere).exists()


@pytest.mark.django_db(transaction=True)
def test_of_eight_coordinators_who_decide_at_once_one_does():
    trial = make_trial()
    seal(trial)
    world = World(trial)
    anna = world.randomize()
    world.ask(anna)
    world.hear(anna, "3-4")
    reply = UnclearReply.objects.get()
    refused = []

    def decide(days):
        from trial.audit.context import acting

        try:
            with acting("system:test"):
                resolve_reply(
                    reply=reply, by=world.coordinator, now=world.now, reason="x", days=Decimal(days)
                )
        except AlreadyResolved as error:
            refused.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=decide, args=(3 + number % 2,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 7
    assert ReplyResolution.objects.count() == WeeklyAnswer.objects.count() == 1


# --- what the database refuses ---


@pytest.mark.parametrize(
    "row",
    [
        {"days": Decimal(8), "source": "web"},
        {"days": Decimal(-1), "source": "web"},
        {"days": Decimal(1), "source": "sms"},
        {"days": Decimal(1), "source": "call"},
        {"days": Decimal(1), "source": "correction"},
        {"days": Decimal(1), "source": "guess"},
    ],
)
def test_the_database_refuses_an_answer_that_cannot_be(world, anna, row):
    with pytest.raises(IntegrityError), transaction.atomic():
        WeeklyAnswer.objects.create(occasion=world.week(anna, 1), at=MONDAY, **row)
