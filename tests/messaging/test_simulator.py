"""The simulator, asked by Twilio's own client."""

import signal
from datetime import UTC, datetime, timedelta

import pytest
import requests
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from tests.messaging.simulated import running
from trial.messaging.gateways.twilio import _Http

PHONE, OTHER_PHONE = "+4768050001", "+4768050002"
NUMBER = "+4759440000"


@pytest.fixture
def client(simulator, settings):
    return make_client(simulator, settings.TWILIO_AUTH_TOKEN, settings)


def make_client(simulator, token, settings):
    return Client(settings.TWILIO_ACCOUNT_SID, token, http_client=_Http(simulator.url, 1))


def send(client, body="Hei", to=PHONE, **more):
    return client.messages.create(to=to, body=body, **({"from_": NUMBER} | more))


def test_a_created_message_is_queued_and_can_be_fetched_until_it_is_delivered(client):
    made = send(client)
    assert made.sid.startswith("SM")
    assert len(made.sid) == 34
    assert made.status == "queued"
    fetched = client.messages(made.sid).fetch()
    assert (fetched.to, fetched.from_, fetched.body) == (PHONE, NUMBER, "Hei")
    assert fetched.date_created <= datetime.now(UTC)


def test_a_messaging_service_accepts_before_it_knows_the_sender(client):
    made = send(client, from_=None, messaging_service_sid="MG" + "1" * 32)
    assert made.status == "accepted"
    assert made.from_ is None


def test_the_list_is_newest_first_filtered_and_paged(client):
    for number in range(7):
        send(client, f"message {number}")
    send(client, to=OTHER_PHONE)
    listed = client.messages.list(to=PHONE, page_size=3)
    assert [made.body for made in listed] == [f"message {number}" for number in reversed(range(7))]
    assert len(client.messages.list(limit=5)) == 5
    assert client.messages.list(from_="+4700000000") == []


def test_the_list_filters_by_day_of_sending(client):
    send(client)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    assert len(client.messages.list(date_sent_after=yesterday)) == 1
    assert client.messages.list(date_sent_before=yesterday) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to": "12345"}, 21211),
        ({"to": "", "body": "x"}, 21604),
        ({"body": ""}, 21602),
        ({"from_": ""}, 21603),
        ({"body": "x" * 1601}, 21617),
    ],
)
def test_what_twilio_refuses_is_refused_with_its_code(client, changes, code):
    with pytest.raises(TwilioRestException) as refusal:
        send(client, **changes)
    assert (refusal.value.status, refusal.value.code) == (400, code)


def test_a_wrong_token_is_not_let_in(simulator, settings):
    with pytest.raises(TwilioRestException) as refusal:
        send(make_client(simulator, "wrong", settings))
    assert (refusal.value.status, refusal.value.code) == (401, 20003)


def test_an_unknown_message_is_not_found(client):
    with pytest.raises(TwilioRestException) as refusal:
        client.messages("SM" + "0" * 32).fetch()
    assert (refusal.value.status, refusal.value.code) == (404, 20404)


def test_long_and_unusual_texts_fill_several_segments(client):
    assert [send(client, body).num_segments for body in ("a" * 160, "a" * 161, "ğ" * 70, "ğ" * 71)] == [
        *("1", "2", "1", "2")
    ]


def test_a_restart_keeps_the_conversations_even_after_a_half_written_line(client, simulator):
    made = send(client)
    simulator.stop(signal.SIGKILL)
    with (simulator.state / "messages.jsonl").open("a") as file:
        file.write('{"event": "mess')
    simulator.start()
    assert client.messages(made.sid).fetch().body == "Hei"
    assert send(client, "again").sid != made.sid


def test_stop_is_handled_as_twilio_does_only_where_wanted(tmp_path, client, simulator, settings):
    send(client)
    simulator.answer(PHONE, "STOP")
    assert send(client).status == "queued"
    with running(tmp_path / "us", "--opt-out") as american:
        client = make_client(american, settings.TWILIO_AUTH_TOKEN, settings)
        send(client)
        american.answer(PHONE, "Stop")
        with pytest.raises(TwilioRestException) as refusal:
            send(client)
        assert refusal.value.code == 21610
        american.answer(PHONE, "START")
        assert send(client).status == "queued"


def test_pages_show_each_phone_and_take_an_answer_without_a_script(client, simulator):
    send(client, "Hvor mange <dager>?")
    overview = requests.get(simulator.url, timeout=5)
    assert PHONE in overview.text
    assert OTHER_PHONE not in overview.text
    assert overview.headers["Refresh"]
    simulator.answer(PHONE, "3 dagar")
    conversation = requests.get(f"{simulator.url}/phones/{PHONE}/messages?still", timeout=5)
    assert "Hvor mange &lt;dager&gt;?" in conversation.text
    assert "3 dagar" in conversation.text
    assert "Refresh" not in conversation.headers
    assert "<script" not in conversation.text
    assert "script-src" not in conversation.headers["Content-Security-Policy"]


def test_nobody_can_answer_from_a_phone_that_nobody_wrote_to(simulator):
    answer = requests.post(f"{simulator.url}/phones/{PHONE}/answers", {"body": "hei"}, timeout=5)
    assert answer.status_code == 404


def test_an_unknown_knob_is_refused(simulator):
    assert requests.put(f"{simulator.url}/simulator/faults", json={"x": 1}, timeout=5).status_code == 400
