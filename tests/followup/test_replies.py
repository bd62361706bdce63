"""What people write back, and what is made of it."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection

from followup.ledger import Missing
from followup.models import ReplyResolution, Skip, UnclearReply, WeeklyAnswer
from followup.selectors import ledger
from followup.services import Interpreted, interpret_inbound, turn_due_occasions
from tests.factories import identity_of, make_trial, seal
from tests.followup.conftest import World, oslo
from trial.messaging.models import Message, State
from trial.messaging.services import record_inbound
from trial.people.models import Status
from trial.people.selectors import facts
from trial.people.services import change_phone

MONDAY = oslo(2026, 3, 16, 10, 0)


def answers(participant, week):
    rows = WeeklyAnswer.objects.filter(occasion__participant=participant, occasion__number=week)
    return [(row.days, row.source) for row in rows.order_by("at", "pk")]


def unclear(**wanted):
    return list(UnclearReply.objects.filter(**wanted).values_list("why", flat=True))


def test_a_number_is_the_answer_of_the_open_week(world, anna):
    world.ask(anna)
    world.hear(anna, "3 dager")
    assert answers(anna, 1) == [(3, "sms")]
    assert world.days(anna, 1) == 3


def test_the_same_webhook_twice_is_one_reply(world, anna):
    world.ask(anna)
    world.hear(anna, "3", provider_id="SM1")
    world.hear(anna, "3", provider_id="SM1")
    assert answers(anna, 1) == [(3, "sms")]


def test_two_honest_fives_a_week_apart_are_two_answers(world, anna):
    for week in (1, 2):
        world.ask(anna, week)
        world.hear(anna, "5")
    assert [answers(anna, week) for week in (1, 2)] == [[(5, "sms")], [(5, "sms")]]


def test_a_second_number_in_the_same_week_corrects_the_first(world, anna):
    world.ask(anna)
    world.hear(anna, "3")
    world.hear(anna, "4")
    assert answers(anna, 1) == [(3, "sms"), (4, "correction")]
    assert world.days(anna, 1) == 4
    assert ledger(anna, world.now)[0].corrected


def test_two_numbers_in_one_batch_are_answer_and_correction(world, anna):
    world.ask(anna)
    world.reply(anna, "3")
    world.reply(anna, "4")
    assert interpret_inbound(now=world.now) == Interpreted(answers=2)
    assert answers(anna, 1) == [(3, "sms"), (4, "correction")]


def test_a_reply_a_minute_before_the_next_question_is_for_the_old_week(world, anna):
    world.ask(anna)
    world.hear(anna, "2", at=oslo(2026, 3, 23, 9, 59))
    assert world.days(anna, 1) == 2
    assert world.days(anna, 2) is None


def test_a_reply_while_the_next_question_is_still_being_sent_is_for_the_old_week(world, anna):
    world.ask(anna)
    turn_due_occasions(now=oslo(2026, 3, 23, 10, 0))
    world.reply(anna, "2", at=oslo(2026, 3, 23, 10, 3))
    world.sweep(oslo(2026, 3, 23, 10, 7))
    assert answers(anna, 1) == [(2, "sms")]
    assert answers(anna, 2) == []


def test_a_reply_after_the_next_question_is_for_the_new_week(world, anna):
    world.ask(anna, 1)
    world.ask(anna, 2)
    world.hear(anna, "2")
    assert (answers(anna, 1), answers(anna, 2)) == ([], [(2, "sms")])


def test_a_reply_long_after_the_last_question_goes_to_a_person(world, anna):
    world.ask(anna, 4)
    world.hear(anna, "1", at=oslo(2026, 4, 20, 10, 0))
    assert unclear(participant=anna) == ["late"]
    assert answers(anna, 4) == []


def test_a_number_before_any_question_goes_to_a_person(world, anna):
    world.hear(anna, "3", at=MONDAY - timedelta(days=2))
    assert unclear(participant=anna) == ["no_open_question"]


def test_somebody_whom_nobody_knows_is_kept_for_a_person(world, anna):
    record_inbound(provider_id="SM9", sender="+4768050099", body="3", now=MONDAY)
    assert interpret_inbound(now=MONDAY) == Interpreted(unclear=1)
    assert unclear() == ["unknown_phone"]


def test_an_unclear_reply_is_answered_once_and_waits_for_a_person(world, anna):
    world.ask(anna)
    world.hear(anna, "3-4")
    world.hear(anna, "vet ikke")
    assert unclear(participant=anna) == ["several_numbers", "other_words"]
    assert list(world.messages(anna, kind="unclear")) == ["w01:unclear"]
    assert world.missing(anna, 1) == Missing.UNCLEAR


def test_a_number_after_an_unclear_reply_is_the_answer(world, anna):
    world.ask(anna)
    world.hear(anna, "3-4")
    world.hear(anna, "4")
    assert world.days(anna, 1) == 4


def test_words_after_the_answer_wait_for_a_person_but_are_not_answered_by_sms(world, anna):
    world.ask(anna)
    world.hear(anna, "3")
    world.hear(anna, "Jeg skal opereres i morgen")
    assert unclear(participant=anna) == ["other_words"]
    assert world.messages(anna, kind="unclear") == {}
    assert world.days(anna, 1) == 3


def test_thanks_need_nobody(world, anna):
    world.ask(anna)
    world.hear(anna, "3")
    world.hear(anna, "Takk 😊")
    assert ReplyResolution.objects.get().outcome == "no_answer"
    assert world.days(anna, 1) == 3


def test_stop_ends_messages_with_one_confirmation(world, anna):
    world.ask(anna)
    world.hear(anna, "STOPP")
    world.hear(anna, "STOPP")
    assert Status.STOPPED_CONTACT in facts(anna, world.now)
    assert len(world.messages(anna, kind="stop_confirmation", state=State.SENT)) == 1
    assert answers(anna, 1) == []
    assert world.missing(anna, 1) == Missing.STOPPED


def test_stop_after_an_answer_keeps_the_answer(world, anna):
    world.ask(anna)
    world.hear(anna, "3")
    world.hear(anna, "stopp")
    assert world.days(anna, 1) == 3
    assert not Skip.objects.exists()


def test_stop_takes_back_what_waits(world, anna):
    turn_due_occasions(now=MONDAY)
    world.reply(anna, "STOP", at=MONDAY)
    interpret_inbound(now=MONDAY)
    assert Message.objects.get(key="w01:ask").state == State.SKIPPED
    assert world.missing(anna, 1) == Missing.STOPPED


def test_start_after_stop_begins_again_with_the_next_week(world, anna):
    world.ask(anna, 1)
    world.hear(anna, "STOP")
    world.hear(anna, "START", at=MONDAY + timedelta(days=2))
    world.ask(anna, 2)
    assert world.messages(anna, state=State.SENT).keys() >= {"w01:ask", "w02:ask"}
    assert len(world.messages(anna, kind="resume_confirmation")) == 1
    assert world.missing(anna, 1) == Missing.STOPPED


def test_stop_and_start_and_an_answer_in_one_batch_are_read_in_order(world, anna):
    world.ask(anna)
    for text in ("STOP", "START", "3"):
        world.reply(anna, text)
    assert interpret_inbound(now=world.now) == Interpreted(answers=1, stops=1, resumes=1)
    assert Status.STOPPED_CONTACT not in facts(anna, world.now)
    assert world.days(anna, 1) == 3


def test_start_by_somebody_who_never_stopped_changes_nothing(world, anna):
    world.ask(anna)
    world.hear(anna, "START")
    assert Status.RESUMED_CONTACT not in facts(anna, world.now)
    assert unclear(participant=anna) == ["courtesy"]


def test_a_number_after_stop_is_still_an_answer_but_nothing_is_sent(world, anna):
    world.ask(anna)
    world.hear(anna, "STOP")
    sent = len(world.messages(anna))
    world.hear(anna, "2")
    world.hear(anna, "hva da?")
    assert world.days(anna, 1) == 2
    assert len(world.messages(anna)) == sent


def test_stop_on_a_break_ends_messages_too(world, anna):
    from trial.people.services import add_status

    add_status(participant=anna, name=Status.PAUSED, by=None, now=world.now)
    world.hear(anna, "stopp")
    assert Status.STOPPED_CONTACT in facts(anna, world.now)


# --- a family shares a phone ---


@pytest.fixture
def bo(world, anna):
    """Anna's husband, randomized on the same day, with the same phone."""
    bo = world.randomize()
    change_phone(participant=bo, phone=identity_of(anna).phone, by=None, now=world.now)
    return bo


def test_a_reply_from_a_shared_phone_goes_to_a_person(world, anna, bo):
    world.ask(anna)
    world.hear(anna, "3")
    assert unclear() == ["shared_phone"]
    assert UnclearReply.objects.get().participant is None
    assert answers(anna, 1) == answers(bo, 1) == []


def test_a_reply_from_a_shared_phone_answers_the_latest_question(world, anna, bo):
    world.week(bo, 1)
    bo.occasions.filter(key="w01").update(opens_at=MONDAY + timedelta(days=1))
    world.ask(anna)
    world.ask(bo)
    world.hear(bo, "3")
    assert (answers(anna, 1), answers(bo, 1)) == ([], [(3, "sms")])


def test_stop_from_a_shared_phone_stops_both_with_one_confirmation(world, anna, bo):
    world.ask(anna)
    world.hear(bo, "STOP")
    assert all(Status.STOPPED_CONTACT in facts(one, world.now) for one in (anna, bo))
    assert Message.objects.filter(kind="stop_confirmation").count() == 1


# --- workers ---


@pytest.mark.django_db(transaction=True)
def test_eight_workers_that_read_at_once_write_each_reply_once():
    trial = make_trial()
    seal(trial)
    world = World(trial)
    people = [world.randomize() for _ in range(3)]
    world.sweep(MONDAY)
    for participant in people:
        world.reply(participant, "3", at=MONDAY + timedelta(minutes=1))
        world.reply(participant, "5", at=MONDAY + timedelta(minutes=2))
    found = []

    def work():
        from trial.audit.context import acting

        try:
            with acting("system:test"):
                found.append(interpret_inbound(now=world.now))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(found, Interpreted()) == Interpreted(answers=6)
    assert [answers(one, 1) for one in people] == [[(Decimal(3), "sms"), (Decimal(5), "correction")]] * 3


def test_the_number_of_queries_does_not_grow_with_the_replies(world, anna, django_assert_max_num_queries):
    world.ask(anna)
    for _ in range(30):
        world.reply(anna, "3")
    with django_assert_max_num_queries(16):
        interpret_inbound(now=world.now)
