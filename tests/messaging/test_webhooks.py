"""Twilio calls: believed for its signature, whatever comes twice or in the wrong order."""

import logging
from functools import partial
from uuid import UUID, uuid4

import pytest
import requests
from django.db import connection
from django.urls import reverse

from tests.factories import NOW, identity_of, make_contact, make_participant, make_trial
from tests.messaging.simulated import running
from tests.together import at_once
from trial.messaging import gateways
from trial.messaging.models import Inbound, Message, Receipt, State
from trial.messaging.selectors import undelivered
from trial.messaging.services import dispatch_due, take_inbound
from trial.messaging.simulator.webhooks import signature
from trial.messaging.texts import message_body
from trial.people.selectors import participants_by_phone_indexes

STRANGER = "+4768050077"
INBOUND = {"MessageSid": "SM1", "From": STRANGER, "To": "+4759440000", "Body": "3 dager", "NumSegments": "1"}


@pytest.fixture
def call(client, settings):
    """POST as Twilio does."""

    def call(path, form, *, token=None):
        signed = signature(token or settings.TWILIO_AUTH_TOKEN, settings.PUBLIC_BASE_URL + path, form)
        return client.post(path, form, headers={"X-Twilio-Signature": signed})

    return call


def status_path(message_id):
    return reverse("messaging:status", args=[message_id])


def report(status, sid="SM9", **more):
    return {"MessageSid": sid, "MessageStatus": status} | more


INBOUND_PATH = "/hooks/twilio/inbound/"


def test_an_incoming_sms_is_kept_sealed(call, db):
    response = call(INBOUND_PATH, INBOUND)
    assert (response.status_code, response.content) == (200, b"<Response/>")
    inbound = Inbound.objects.get()
    assert message_body(inbound) == "3 dager"
    with connection.cursor() as cursor:
        cursor.execute("SELECT messaging_inbound::text FROM messaging_inbound")
        row = cursor.fetchone()[0]
    assert b"3 dager".hex() not in row
    assert STRANGER.encode().hex() not in row


def test_the_sender_is_known_by_index_and_the_trial_by_the_sender(call, participant):
    call(INBOUND_PATH, INBOUND | {"From": identity_of(participant).phone})
    inbound = Inbound.objects.get()
    assert inbound.trial == participant.trial
    assert participants_by_phone_indexes([bytes(inbound.from_index)]) == {
        bytes(inbound.from_index): [participant]
    }


def test_a_phone_known_to_two_trials_leaves_the_trial_open(call, db):
    for slug in ("tiny", "other"):
        make_participant(make_trial(slug), contact=make_contact(phone=STRANGER))
    call(INBOUND_PATH, INBOUND)
    assert Inbound.objects.get().trial is None


def test_the_same_sms_twice_is_one_and_two_equal_texts_are_two(call, db):
    call(INBOUND_PATH, INBOUND)
    call(INBOUND_PATH, INBOUND)
    call(INBOUND_PATH, INBOUND | {"MessageSid": "SM2"})
    assert Inbound.objects.count() == 2


@pytest.mark.parametrize("path", [INBOUND_PATH, status_path(UUID(int=1))])
def test_who_has_not_signed_is_sent_away(client, call, db, path):
    assert client.post(path, INBOUND).status_code == 403
    assert call(path, INBOUND, token="another").status_code == 403
    forged = {"X-Twilio-Signature": signature("another", path, INBOUND)}
    assert client.post(path, INBOUND, headers=forged).status_code == 403
    assert client.get(path).status_code == 405
    assert not Inbound.objects.exists()


def test_a_changed_form_no_longer_fits_its_signature(client, db, settings):
    signed = signature(settings.TWILIO_AUTH_TOKEN, settings.PUBLIC_BASE_URL + INBOUND_PATH, INBOUND)
    response = client.post(INBOUND_PATH, INBOUND | {"Body": "0"}, headers={"X-Twilio-Signature": signed})
    assert response.status_code == 403


def test_behind_a_proxy_the_public_address_is_what_counts(call, settings, db):
    settings.PUBLIC_BASE_URL = "https://trial.example.org"
    assert call(INBOUND_PATH, INBOUND).status_code == 200


@pytest.mark.parametrize("missing", ["MessageSid", "From"])
def test_a_call_without_its_particulars_is_refused(call, db, missing):
    assert call(INBOUND_PATH, {**INBOUND, missing: ""}).status_code == 400


def test_a_report_about_no_message_of_ours_is_not_found(call, db):
    assert call(status_path(uuid4()), report("sent")).status_code == 404


def test_reports_are_kept_once_in_whatever_order_they_come(call, plan):
    message = plan()
    for status in ("delivered", "sent", "delivered", "queued"):
        assert call(status_path(message.pk), report(status)).status_code == 204
    assert set(Receipt.objects.values_list("status", flat=True)) == {"delivered", "sent", "queued"}
    message.refresh_from_db()
    assert (message.state, message.provider_id) == (State.SENT, "SM9")


def test_a_report_proves_a_send_that_we_were_about_to_repeat(call, simulator, gateway, plan):
    message = plan()
    call(status_path(message.pk), report("sent"))
    dispatch_due(gateway=gateway, now=NOW)
    assert simulator.messages() == []


def test_an_undelivered_message_has_its_code_unless_it_arrived_after_all(call, plan):
    lost, late = plan("lost"), plan("late")
    call(status_path(lost.pk), report("undelivered", ErrorCode="30005"))
    call(status_path(late.pk), report("undelivered", "SM10", ErrorCode="30003"))
    call(status_path(late.pk), report("delivered", "SM10"))
    assert undelivered([lost.pk, late.pk]) == {lost.pk: "30005"}


def test_incoming_messages_are_taken_once_and_oldest_first(call, db):
    for number in range(3):
        call(INBOUND_PATH, INBOUND | {"MessageSid": f"SM{number}"})
    assert [inbound.provider_id for inbound in take_inbound(now=NOW, limit=2)] == ["SM0", "SM1"]
    assert [inbound.provider_id for inbound in take_inbound(now=NOW)] == ["SM2"]


def twenty_at_once(live_server, settings, path, form):
    """The same call twenty times in one moment; the statuses of the answers."""
    settings.PUBLIC_BASE_URL = live_server.url
    signed = signature(settings.TWILIO_AUTH_TOKEN, live_server.url + path, form)
    call = partial(
        requests.post, live_server.url + path, form, headers={"X-Twilio-Signature": signed}, timeout=30
    )
    return [answer.status_code for answer in at_once([call] * 20)]


@pytest.mark.django_db(transaction=True)
def test_the_same_sms_twenty_times_at_once_is_one_message(live_server, settings):
    assert twenty_at_once(live_server, settings, INBOUND_PATH, INBOUND) == [200] * 20
    assert Inbound.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_same_report_twenty_times_at_once_is_one_receipt(live_server, settings, plan):
    message = plan()
    answers = twenty_at_once(live_server, settings, status_path(message.pk), report("delivered"))
    assert answers == [204] * 20
    assert Receipt.objects.get().message == message
    message.refresh_from_db()
    assert (message.state, message.provider_id) == (State.SENT, "SM9")


@pytest.mark.django_db(transaction=True)
def test_a_message_goes_to_the_phone_and_its_receipts_and_answer_come_back(
    live_server, settings, tmp_path, plan, participant, eventually, caplog
):
    caplog.set_level(logging.DEBUG)
    phone = identity_of(participant).phone
    settings.PUBLIC_BASE_URL = live_server.url
    with running(tmp_path / "simulator", callback_base=live_server.url) as simulator:
        settings.TWILIO_API_BASE_URL = simulator.url
        simulator.misbehave(duplicate_callbacks=True)
        message = plan(body="Hvor mange dager?")
        dispatch_due(gateway=gateways.current(), now=NOW)
        eventually(lambda: Receipt.objects.filter(message=message).count() == 3)
        simulator.answer(phone, "3 dager")
        eventually(Inbound.objects.exists)
    assert set(message.receipts.values_list("status", flat=True)) == {"queued", "sent", "delivered"}
    assert message_body(Inbound.objects.get()) == "3 dager"
    assert Message.objects.get().state == State.SENT
    for secret in (phone, phone.removeprefix("+"), "Hvor mange dager?", "3 dager"):
        assert secret not in caplog.text
