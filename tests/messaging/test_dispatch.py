"""What is due goes out once, or has a reason; against the simulator over HTTP."""

from datetime import timedelta

import pytest

from tests.factories import NOW, identity_of, make_contact, make_message, make_participant
from tests.messaging.simulated import running
from trial.messaging import gateways
from trial.messaging.models import Kind, Message, SkipReason, State
from trial.messaging.selectors import unaccounted
from trial.messaging.services import (
    Counts,
    dispatch_due,
    record_receipt,
    recover_in_flight,
)
from trial.messaging.services.recovery import ABANDONED_AFTER
from trial.people.models import Status
from trial.people.services import add_status, change_phone

LATER = NOW + ABANDONED_AFTER
EVENING = NOW.replace(hour=20, minute=30)  # half past nine in Oslo


def test_a_due_message_is_sent_to_the_participants_phone(simulator, gateway, plan, participant):
    message = plan(body="Hvor mange dager?")
    assert dispatch_due(gateway=gateway, now=NOW) == Counts(sent=1)
    (accepted,) = simulator.messages()
    message.refresh_from_db()
    assert (accepted["to"], accepted["body"]) == (identity_of(participant).phone, "Hvor mange dager?")
    assert (message.state, message.provider_id, message.sent_at) == (State.SENT, accepted["sid"], NOW)


def test_a_second_sweep_sends_nothing(simulator, gateway, plan):
    plan()
    dispatch_due(gateway=gateway, now=NOW)
    assert dispatch_due(gateway=gateway, now=NOW) == Counts()
    assert len(simulator.messages()) == 1


def test_what_is_not_due_waits(simulator, gateway, plan):
    plan(due_at=NOW + timedelta(seconds=1))
    assert dispatch_due(gateway=gateway, now=NOW) == Counts()
    assert simulator.messages() == []


def test_batches_follow_each_other_until_nothing_is_due(simulator, gateway, plan):
    for number in range(7):
        plan(f"w{number}:ask")
    assert dispatch_due(gateway=gateway, now=NOW, batch=3) == Counts(sent=7)
    assert len(simulator.messages()) == 7


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (Status.STOPPED_CONTACT, SkipReason.STOPPED),
        (Status.PAUSED, SkipReason.PAUSED),
        (Status.WITHDRAWN_CONTACT, SkipReason.WITHDRAWN),
        (Status.DIED, SkipReason.DIED),
    ],
)
def test_whom_we_may_no_longer_contact_gets_nothing(simulator, gateway, plan, participant, status, reason):
    message = plan()
    add_status(participant=participant, name=status, by=None, now=NOW, reason="")
    assert dispatch_due(gateway=gateway, now=NOW) == Counts(skipped=1)
    message.refresh_from_db()
    assert (message.state, message.skip_reason) == (State.SKIPPED, reason)
    assert simulator.messages() == []


@pytest.mark.parametrize("kind", [Kind.CODE, Kind.STOP_CONFIRMATION])
@pytest.mark.parametrize("status", [Status.STOPPED_CONTACT, Status.PAUSED])
def test_what_the_participant_asked_for_goes_out_despite_stop_and_night(
    gateway, plan, participant, kind, status
):
    plan("asked", kind=kind, due_at=EVENING)
    add_status(participant=participant, name=status, by=None, now=NOW, reason="")
    assert dispatch_due(gateway=gateway, now=EVENING) == Counts(sent=1)


@pytest.mark.parametrize("faults", [{}, {"rate_limit": 1}, {"fail_before": 1}])
def test_a_code_that_proves_a_new_number_goes_there_and_the_number_is_forgotten(
    simulator, gateway, plan, faults
):
    plan("busy", kind=Kind.CODE)
    code = plan("code:1", kind=Kind.CODE, to="+4768050098", due_at=NOW + timedelta(seconds=1))
    simulator.misbehave(**faults)
    dispatch_due(gateway=gateway, now=NOW + timedelta(seconds=1))
    simulator.misbehave()
    recover_in_flight(gateway=gateway, now=LATER + timedelta(seconds=1))
    dispatch_due(gateway=gateway, now=LATER + timedelta(seconds=1))
    assert len(simulator.messages(to="+4768050098")) == 1
    code.refresh_from_db()
    assert (code.state, code.other_phone, code.recipient) == (State.SENT, None, None)


def test_not_even_a_code_goes_to_somebody_who_died(gateway, plan, participant):
    plan("asked", kind=Kind.CODE)
    add_status(participant=participant, name=Status.DIED, by=None, now=NOW, reason="")
    assert dispatch_due(gateway=gateway, now=NOW) == Counts(skipped=1)


def test_in_quiet_hours_a_message_waits_for_the_morning(gateway, plan):
    plan(due_at=EVENING)
    assert dispatch_due(gateway=gateway, now=EVENING) == Counts(postponed=1)
    assert dispatch_due(gateway=gateway, now=EVENING + timedelta(hours=10)) == Counts()
    assert dispatch_due(gateway=gateway, now=EVENING + timedelta(hours=10, minutes=30)) == Counts(sent=1)


def test_a_message_that_would_wake_somebody_or_come_too_late_is_skipped(gateway, plan):
    message = plan(due_at=EVENING, not_after=EVENING + timedelta(hours=2))
    assert dispatch_due(gateway=gateway, now=EVENING) == Counts(skipped=1)
    message.refresh_from_db()
    assert message.skip_reason == SkipReason.TOO_LATE


def test_a_message_that_waited_too_long_is_skipped(gateway, plan):
    message = plan(not_after=NOW + timedelta(hours=1))
    assert dispatch_due(gateway=gateway, now=NOW + timedelta(hours=1, seconds=1)) == Counts(skipped=1)
    message.refresh_from_db()
    assert message.skip_reason == SkipReason.TOO_LATE


def test_a_refusal_is_final_and_keeps_its_code(tmp_path, settings, plan, participant):
    with running(tmp_path / "american", "--opt-out") as american:
        settings.TWILIO_API_BASE_URL = american.url
        plan("w01:ask")
        dispatch_due(gateway=gateways.current(), now=NOW)
        american.answer(identity_of(participant).phone, "STOP")
        refused = plan("w02:ask")
        assert dispatch_due(gateway=gateways.current(), now=NOW) == Counts(failed=1)
        assert dispatch_due(gateway=gateways.current(), now=LATER) == Counts()
    refused.refresh_from_db()
    assert (refused.state, refused.error_code) == (State.FAILED, "21610")


def test_a_busy_provider_is_left_alone_for_a_while(simulator, gateway, plan, trial):
    simulator.misbehave(rate_limit=1)
    for number in range(5):
        plan(f"w{number}:ask")
    counts = dispatch_due(gateway=gateway, now=NOW)
    assert counts == Counts(sent=1, put_back=4)
    simulator.misbehave()
    assert dispatch_due(gateway=gateway, now=NOW + timedelta(minutes=1)) == Counts(sent=4)
    assert len(simulator.messages()) == 5
    assert not unaccounted(trial, LATER).exists()


def test_an_unreachable_provider_loses_nothing(simulator, gateway, plan):
    message = plan()
    simulator.stop()
    assert dispatch_due(gateway=gateway, now=NOW) == Counts(put_back=1)
    message.refresh_from_db()
    assert (message.error_code, message.try_at) == ("unreachable", NOW + timedelta(seconds=30))
    simulator.start()
    assert dispatch_due(gateway=gateway, now=NOW + timedelta(seconds=30)) == Counts(sent=1)


def test_tries_come_at_growing_distances(simulator, gateway, plan):
    message = plan()
    simulator.stop()
    pauses = []
    for _ in range(3):
        dispatch_due(gateway=gateway, now=message.try_at)
        before = message.try_at
        message.refresh_from_db()
        pauses.append(message.try_at - before)
    assert pauses == [timedelta(seconds=30), timedelta(minutes=1), timedelta(minutes=2)]


@pytest.mark.parametrize("fault", ["lose_answer", "fail_after"])
def test_a_send_whose_answer_was_lost_is_found_and_not_repeated(simulator, gateway, plan, trial, fault):
    message = plan()
    simulator.misbehave(**{fault: 1})
    assert dispatch_due(gateway=gateway, now=NOW) == Counts(in_doubt=1)
    assert unaccounted(trial, NOW).get() == message
    simulator.misbehave()
    assert dispatch_due(gateway=gateway, now=LATER) == Counts()
    assert recover_in_flight(gateway=gateway, now=LATER) == Counts(sent=1)
    message.refresh_from_db()
    assert [accepted["sid"] for accepted in simulator.messages()] == [message.provider_id]
    assert not unaccounted(trial, LATER).exists()


def test_a_send_that_never_arrived_is_repeated_after_asking(simulator, gateway, plan):
    plan()
    simulator.misbehave(fail_before=1)
    assert dispatch_due(gateway=gateway, now=NOW) == Counts(in_doubt=1)
    simulator.misbehave()
    assert recover_in_flight(gateway=gateway, now=LATER) == Counts(put_back=1)
    assert dispatch_due(gateway=gateway, now=LATER) == Counts(sent=1)
    assert len(simulator.messages()) == 1


def test_nobody_asks_about_a_send_that_may_still_be_under_way(simulator, gateway, plan):
    plan()
    simulator.misbehave(fail_before=1)
    dispatch_due(gateway=gateway, now=NOW)
    assert recover_in_flight(gateway=gateway, now=LATER - timedelta(seconds=1)) == Counts()


def test_while_the_provider_cannot_be_asked_the_doubt_stays(simulator, gateway, plan, trial):
    plan()
    simulator.misbehave(lose_answer=1)
    dispatch_due(gateway=gateway, now=NOW)
    simulator.stop()
    assert recover_in_flight(gateway=gateway, now=LATER) == Counts(in_doubt=1)
    assert unaccounted(trial, LATER).count() == 1
    simulator.start()
    assert recover_in_flight(gateway=gateway, now=LATER + ABANDONED_AFTER) == Counts(sent=1)


def test_a_callback_ends_the_doubt_before_anybody_asks(simulator, gateway, plan):
    message = plan()
    simulator.misbehave(lose_answer=1)
    dispatch_due(gateway=gateway, now=NOW)
    (accepted,) = simulator.messages()
    record_receipt(
        message_id=message.pk, provider_id=accepted["sid"], status="sent", error_code="", now=LATER
    )
    message.refresh_from_db()
    assert (message.state, message.provider_id) == (State.SENT, accepted["sid"])
    assert recover_in_flight(gateway=gateway, now=LATER) == Counts()


def test_after_a_change_of_phone_the_provider_is_asked_about_the_old_one(
    simulator, gateway, plan, participant
):
    plan()
    simulator.misbehave(lose_answer=1)
    dispatch_due(gateway=gateway, now=NOW)
    simulator.misbehave()
    change_phone(participant=participant, phone="+4768050099", by=None, now=NOW)
    assert recover_in_flight(gateway=gateway, now=LATER) == Counts(sent=1)
    assert len(simulator.messages()) == 1


def test_two_people_who_share_a_phone_each_get_the_same_text_once(simulator, gateway, trial):
    family = [make_participant(trial, contact=make_contact(phone="+4768050042")) for _ in range(2)]
    for participant in family:
        make_message(participant)
    simulator.misbehave(lose_answer=1)
    assert dispatch_due(gateway=gateway, now=NOW, batch=1).in_doubt == 2
    simulator.misbehave()
    assert recover_in_flight(gateway=gateway, now=LATER) == Counts(sent=2)
    assert len(simulator.messages()) == 2
    assert Message.objects.filter(state=State.SENT).values("provider_id").distinct().count() == 2


def test_one_send_is_not_counted_for_two_people(simulator, gateway, trial):
    family = [make_participant(trial, contact=make_contact(phone="+4768050042")) for _ in range(2)]
    _accepted, lost = (make_message(member) for member in family)
    Message.objects.filter(pk=lost.pk).update(try_at=NOW + timedelta(seconds=1))
    simulator.misbehave(lose_answer=1)
    dispatch_due(gateway=gateway, now=NOW)
    simulator.misbehave(fail_before=1)
    dispatch_due(gateway=gateway, now=NOW + timedelta(seconds=1))
    simulator.misbehave()
    later = LATER + timedelta(seconds=1)
    assert recover_in_flight(gateway=gateway, now=later) == Counts(sent=1, put_back=1)
    assert dispatch_due(gateway=gateway, now=later) == Counts(sent=1)
    assert len(simulator.messages()) == 2


def test_a_slow_provider_is_not_waited_for_and_not_asked_twice(simulator, gateway, plan, monkeypatch):
    monkeypatch.setattr("trial.messaging.gateways.twilio.READ_SECONDS", 0.2)
    plan()
    gateways._twilio.cache_clear()
    simulator.misbehave(delay=1)
    assert dispatch_due(gateway=gateways.current(), now=NOW) == Counts(in_doubt=1)
    assert recover_in_flight(gateway=gateway, now=LATER) == Counts(sent=1)
    assert len(simulator.messages()) == 1
