"""Due occasions become messages, or a recorded reason why not."""

import re
import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from followup.ledger import Missing
from followup.models import Occasion, Skip
from followup.services import (
    Turned,
    finish_plans,
    interpret_inbound,
    make_plans,
    turn_due_occasions,
    turn_reminders,
)
from tests.factories import NOW, make_trial, seal
from tests.followup.conftest import World, oslo
from trial.messaging.models import Kind, Message, State
from trial.people.models import Status
from trial.people.services import add_status
from trial.protocol.reading import Sources
from trial.protocol.selectors import active_version, sources_of
from trial.protocol.services import activate, load_protocol

MONDAY = oslo(2026, 3, 16, 10, 0)


def amend(trial, *replacements, now):
    """Put a new version of the trial's protocol in force."""
    old = sources_of(active_version(trial))
    text = old.protocol
    for before, after in (('version = "1.0"', 'version = "1.1"'), *replacements):
        text = text.replace(before, after)
    version = load_protocol(sources=Sources(text, old.instruments), reason="Better so", now=now)
    activate(version=version, by="system:test", now=now)
    return version


def skips(participant):
    rows = Skip.objects.filter(occasion__participant=participant)
    return {(skip.occasion.key, skip.what): skip.reason for skip in rows}


def test_the_question_names_its_week_in_the_participants_language(world, anna):
    turn_due_occasions(now=MONDAY)
    assert world.messages(anna) == {
        "w01:ask": "Hvor mange dager var du sykmeldt fra 9.3. til 15.3.? Svar med et tall fra 0 til 7."
    }


def test_nothing_is_asked_before_its_time(world, anna):
    assert turn_due_occasions(now=MONDAY - timedelta(seconds=1)) == Turned()
    assert world.messages(anna) == {}


def test_a_second_sweep_has_no_effect(world, anna):
    assert turn_due_occasions(now=MONDAY) == Turned(messages=1)
    assert turn_due_occasions(now=MONDAY) == Turned()
    assert Message.objects.count() == 1


def asked_of_the_database(act):
    """How many statements an act takes, besides those that open, lock and close its transactions."""
    with CaptureQueriesContext(connection) as queries:
        act(now=MONDAY)
    return sum(
        not {"SAVEPOINT", "pg_try_advisory_xact_lock"} & {*re.findall(r"\w+", one["sql"])} for one in queries
    )


@pytest.mark.parametrize(
    "sweep", [make_plans, turn_due_occasions, turn_reminders, interpret_inbound, finish_plans]
)
def test_a_sweep_that_finds_nothing_to_do_asks_one_question(world, anna, sweep):
    world.sweep(MONDAY)
    assert asked_of_the_database(sweep) == 1


def test_many_questions_take_no_more_statements_than_one(world, anna):
    for_one = asked_of_the_database(turn_due_occasions)
    for _ in range(3):
        world.randomize()
    assert asked_of_the_database(turn_due_occasions) == for_one
    assert Message.objects.filter(key="w01:ask").count() == 4


def test_a_question_at_night_waits_for_the_morning(world, anna):
    Occasion.objects.filter(key="w01").update(opens_at=oslo(2026, 3, 16, 22, 0))
    turn_due_occasions(now=oslo(2026, 3, 16, 22, 0))
    assert Message.objects.get(key="w01:ask").due_at == oslo(2026, 3, 17, 8, 0)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (Status.PAUSED, "paused"),
        (Status.STOPPED_CONTACT, "stopped"),
        (Status.WITHDRAWN_CONTACT, "withdrawn"),
        (Status.WITHDRAWN_DATA, "withdrawn"),
        (Status.DIED, "died"),
    ],
)
def test_who_may_not_be_contacted_is_skipped_with_the_reason(world, anna, status, reason):
    add_status(participant=anna, name=status, by=None, now=MONDAY - timedelta(days=1))
    world.sweep(MONDAY)
    assert world.messages(anna) == {}
    assert skips(anna) == {("w01", "question"): reason}
    assert world.missing(anna, 1) == reason


def test_who_leaves_the_intervention_is_still_asked(world, anna):
    add_status(participant=anna, name=Status.WITHDRAWN_INTERVENTION, by=None, now=NOW)
    world.sweep(MONDAY)
    assert "w01:ask" in world.messages(anna)


def test_who_did_not_agree_to_sms_is_not_asked(world, anna):
    from screening.models import ConsentTick

    tick = ConsentTick.objects.get(consent__participant=anna, key="sms")
    ConsentTick.objects.filter(pk=tick.pk).update(given=False)
    world.sweep(MONDAY)
    assert skips(anna) == {("w01", "question"): "not_agreed"}
    assert world.missing(anna, 1) == Missing.NOT_SENT


def test_a_break_ends_by_itself(world, anna):
    add_status(participant=anna, name=Status.PAUSED, by=None, now=NOW, until=MONDAY + timedelta(days=1))
    world.ask(anna, 1)
    world.ask(anna, 2)
    assert skips(anna) == {("w01", "question"): "paused"}
    assert "w02:ask" in world.messages(anna)


def test_after_three_days_of_downtime_the_question_is_still_asked(world, anna):
    world.sweep(MONDAY + timedelta(days=3))
    assert Message.objects.get(key="w01:ask").state == State.SENT
    assert skips(anna) == {}


def test_after_three_weeks_of_downtime_only_the_last_week_is_asked_about(world, anna):
    world.sweep(oslo(2026, 4, 6, 11, 0))
    assert skips(anna) == {
        ("w01", "question"): "too_late",
        ("w02", "question"): "too_late",
        ("w03", "question"): "too_late",
        ("week2", "question"): "too_late",
    }
    assert set(world.messages(anna)) == {"w04:ask"}
    assert world.missing(anna, 1) == Missing.NOT_SENT


def test_who_does_not_answer_is_reminded_once_after_a_day(world, anna):
    world.ask(anna)
    world.sweep(MONDAY + timedelta(hours=23, minutes=59))
    assert set(world.messages(anna)) == {"w01:ask"}
    world.sweep(MONDAY + timedelta(hours=24))
    world.sweep(MONDAY + timedelta(hours=48))
    assert set(world.messages(anna)) == {"w01:ask", "w01:remind"}
    assert "9.3. til 15.3." in world.messages(anna)["w01:remind"]


def test_who_answered_is_not_reminded(world, anna):
    world.ask(anna)
    world.hear(anna, "3")
    world.sweep(MONDAY + timedelta(days=2))
    assert "w01:remind" not in world.messages(anna)
    assert skips(anna) == {}


def test_after_stop_there_is_no_reminder_and_the_ledger_says_why(world, anna):
    world.ask(anna)
    world.hear(anna, "STOPP")
    world.sweep(MONDAY + timedelta(days=2))
    assert "w01:remind" not in world.messages(anna)
    assert skips(anna) == {("w01", "answer"): "stopped", ("w01", "reminder"): "stopped"}
    assert world.missing(anna, 1) == Missing.STOPPED


def test_whose_reply_waits_for_a_coordinator_is_not_reminded(world, anna):
    world.ask(anna)
    world.hear(anna, "3-4")
    world.sweep(MONDAY + timedelta(days=2))
    assert skips(anna) == {("w01", "reminder"): "unclear"}
    assert set(world.messages(anna)) == {"w01:ask", "w01:unclear"}


def test_thanks_are_no_answer_so_the_reminder_comes(world, anna):
    world.ask(anna)
    world.hear(anna, "Takk!")
    world.sweep(MONDAY + timedelta(days=2))
    assert "w01:remind" in world.messages(anna)


def test_a_reminder_counts_from_when_the_question_was_really_sent(world, anna):
    turn_due_occasions(now=MONDAY)  # … and the gateway is down until the next morning
    world.sweep(MONDAY + timedelta(hours=23))
    world.sweep(MONDAY + timedelta(hours=25))
    assert set(world.messages(anna)) == {"w01:ask"}
    world.sweep(MONDAY + timedelta(hours=47))
    assert "w01:remind" in world.messages(anna)


def test_a_reminder_at_night_is_decided_upon_in_the_morning(world, anna):
    world.sweep(oslo(2026, 3, 16, 20, 59))
    world.sweep(oslo(2026, 3, 17, 21, 30))
    assert set(world.messages(anna)) == {"w01:ask"}
    world.hear(anna, "2", at=oslo(2026, 3, 18, 7, 30))
    world.sweep(oslo(2026, 3, 18, 8, 0))
    assert set(world.messages(anna)) == {"w01:ask"}


def test_no_reminder_once_the_next_question_is_due(world, anna):
    world.ask(anna, 1)
    world.ask(anna, 2)
    assert skips(anna) == {("w01", "reminder"): "too_late"}


def test_a_refused_question_is_not_followed_by_a_reminder(world, anna):
    from trial.messaging.gateways import Refused

    def refuse(**_):
        raise Refused("21211")

    world.gateway.send = refuse
    world.sweep(MONDAY)
    world.sweep(MONDAY + timedelta(days=1))
    assert skips(anna) == {("w01", "reminder"): "undelivered"}
    assert world.missing(anna, 1) == Missing.UNDELIVERED


def test_an_amendment_that_drops_a_questionnaire_skips_it(world, anna):
    amend(
        world.trial,
        ('occasion = "week2"', 'occasion = "week3"'),
        ('occasions = ["baseline", "week2"]', 'occasions = ["baseline", "week3"]'),
        ('occasions = ["week2"]', 'occasions = ["week3"]'),
        now=NOW,
    )
    world.sweep(oslo(2026, 3, 24, 10, 0))
    assert skips(anna)["week2", "question"] == "amended"


def test_each_message_keeps_the_version_whose_words_it_says(world, anna):
    world.sweep(MONDAY)
    second = amend(world.trial, now=MONDAY)
    world.sweep(MONDAY + timedelta(days=7))
    asked = Message.objects.filter(participant=anna, kind=Kind.WEEKLY).order_by("key")
    assert [one.protocol_version for one in asked] == [anna.protocol_version, second]


def test_a_questionnaire_comes_with_an_address_and_a_code(world, anna, settings):
    settings.PUBLIC_BASE_URL = "https://trial.example.org"
    world.sweep(oslo(2026, 3, 24, 10, 0))
    text = world.messages(anna)["week2:ask"]
    assert text.startswith("Svar på trial.example.org/q med koden ")
    assert "http" not in text


def test_the_reminder_of_a_questionnaire_has_a_code_of_its_own(world, anna):
    world.sweep(oslo(2026, 3, 24, 10, 0))
    world.sweep(oslo(2026, 3, 26, 10, 0))
    messages = world.messages(anna)
    assert messages["week2:ask"].split()[-1] != messages["week2:remind"].split()[-1]


@pytest.mark.django_db(transaction=True)
def test_eight_workers_that_sweep_at_once_ask_each_question_once():
    trial = make_trial()
    seal(trial)
    world = World(trial)
    people = [world.randomize() for _ in range(4)]
    results = []

    def work(sweep):
        from trial.audit.context import acting

        try:
            with acting("system:test"):
                results.append(sweep(now=MONDAY + timedelta(hours=1)))
        finally:
            connection.close()

    for sweep in (turn_due_occasions, turn_reminders):
        threads = [threading.Thread(target=work, args=(sweep,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sum((one for one in results), Turned()) == Turned(messages=len(people))
    assert Message.objects.count() == len(people)
