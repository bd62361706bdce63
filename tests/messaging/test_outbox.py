from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from tests.factories import NOW, make_participant
from trial.messaging.models import Kind, Message, SkipReason, State
from trial.messaging.selectors import messages_to
from trial.messaging.services import Draft, drop_planned, drop_queued, enqueue_many
from trial.messaging.texts import message_body
from trial.people.identity.vault import CannotOpen


def test_the_same_thing_is_planned_once(plan):
    first, second = plan(body="first"), plan(body="second")
    assert first == second
    assert message_body(second) == "first"


def test_many_are_planned_at_once_and_only_the_new_ones_counted(plan, participant):
    plan("w01:ask")
    drafts = [
        Draft(
            participant.pk,
            participant.protocol_version_id,
            f"w{week:02d}:ask",
            Kind.WEEKLY,
            "Hvor mange dager?",
            "nb",
            NOW,
        )
        for week in (1, 2, 3)
    ]
    assert enqueue_many(drafts) == 2
    assert enqueue_many([]) == 0
    assert Message.objects.count() == 3


def test_a_text_lies_sealed_and_opens_only_in_its_own_row(plan):
    one, other = plan("one", body="Du er sykmeldt"), plan("other")
    with connection.cursor() as cursor:
        cursor.execute("SELECT body FROM messaging_message WHERE id = %s", [one.pk])
        assert b"sykmeldt" not in bytes(cursor.fetchone()[0])
    other.body = one.body
    with pytest.raises(CannotOpen):
        message_body(other)


def test_the_audit_trail_keeps_neither_text_nor_number(plan):
    message = plan(body="Du er sykmeldt")
    with connection.cursor() as cursor:
        cursor.execute("SELECT new FROM audit_event WHERE table_name = 'messaging_message'")
        (row,) = cursor.fetchone()
    assert str(message.pk) in row
    assert bytes(message.body).hex() not in row


def test_without_a_last_moment_a_message_may_wait_a_day(plan):
    assert plan().not_after == NOW + timedelta(days=1)


def test_a_message_cannot_be_planned_to_end_before_it_is_due(plan):
    with pytest.raises(IntegrityError, match="message_has_time_to_be_sent"), transaction.atomic():
        plan(not_after=NOW - timedelta(minutes=1))


@pytest.mark.parametrize(
    "values",
    [
        {"state": State.SENT},
        {"state": State.SENT, "sent_at": NOW},
        {"state": State.IN_FLIGHT},
        {"state": State.FAILED},
        {"state": State.SKIPPED},
        {"state": State.SKIPPED, "skip_reason": "because"},
        {"provider_id": "SM1"},
        {"kind": "greeting"},
    ],
)
def test_the_database_refuses_a_state_without_its_facts(plan, values):
    message = plan()
    with pytest.raises(IntegrityError, match="message_"), transaction.atomic():
        Message.objects.filter(pk=message.pk).update(**values)


def test_what_waits_is_taken_back_with_a_reason_but_not_what_was_asked_for(trial, plan, participant):
    neighbour = make_participant(trial)
    question, other = plan(), plan(person=neighbour)
    code = plan("code:1", kind=Kind.CODE)
    assert drop_queued(participants=[participant.pk], reason=SkipReason.STOPPED) == 1
    states = dict(Message.objects.values_list("pk", "state"))
    assert states == {question.pk: State.SKIPPED, other.pk: State.QUEUED, code.pk: State.QUEUED}


def test_what_is_no_longer_needed_is_taken_back_by_its_key(plan, participant):
    reminder, question = plan("w01:remind", kind=Kind.WEEKLY_REMINDER), plan("w02:ask")
    planned = {(participant.pk, reminder.key), (participant.pk, "w03:remind")}
    assert drop_planned(planned=planned, reason=SkipReason.NOT_NEEDED) == 1
    assert drop_planned(planned=planned, reason=SkipReason.NOT_NEEDED) == 0
    assert drop_planned(planned=(), reason=SkipReason.NOT_NEEDED) == 0
    question.refresh_from_db()
    assert question.state == State.QUEUED


def test_only_a_code_can_go_to_another_number(plan):
    with pytest.raises(IntegrityError, match="message_other_phone"), transaction.atomic():
        plan(to="+4768050050")


def test_participants_see_what_they_were_sent_but_no_codes(plan, participant):
    for key, kind in (("w01:ask", Kind.WEEKLY), ("code:1", Kind.CODE)):
        message = plan(key, kind=kind, body=key)
        Message.objects.filter(pk=message.pk).update(state=State.SENT, sent_at=NOW, provider_id=key)
    plan("w02:ask")
    assert [(said.kind, said.at, said.text) for said in messages_to(participant)] == [
        (Kind.WEEKLY, NOW, "w01:ask")
    ]
