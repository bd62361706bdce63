"""The participant's own page: coming in, seeing everything, deciding."""

import re
import time
from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from tests.factories import NOW, lock_data, make_contact, make_message, make_participant, make_trial
from trial.messaging.models import Kind, Message
from trial.messaging.texts import message_body
from trial.people.identity import vault
from trial.people.models import AccessCode, ParticipantStatus, Status
from trial.people.selectors import facts
from trial.people.services import add_status

pytestmark = pytest.mark.django_db

KARI, OLA = "+4768050001", "+4768050002"
SURE = {"reason": "", "asked": "True", "sure": "on"}


@pytest.fixture(autouse=True)
def today():
    with time_machine.travel(NOW + timedelta(days=1), tick=True) as clock:
        yield clock


@pytest.fixture
def trial(db):
    return make_trial()


@pytest.fixture
def kari(trial):
    return make_participant(trial, contact=make_contact(name="Kari Eksempel", phone=KARI))


@pytest.fixture
def browser():
    return Client(headers={"accept-language": "en"})


def html(response):
    return response.content.decode()


def sent_codes():
    return [
        message_body(message) for message in Message.objects.filter(kind=Kind.CODE).order_by("due_at", "id")
    ]


def code_in(text):
    return re.search(r"(?<!\w)\d{6}(?!\w)", text)[0]


def log_in(browser, phone="68 05 00 01"):
    browser.post("/me/login/", {"phone": phone})
    return browser.post("/me/login/code/", {"code": code_in(sent_codes()[-1])}, follow=True)


def test_a_phone_and_its_code_open_the_page(browser, kari):
    page = log_in(browser)

    assert page.request["PATH_INFO"] == "/me/"
    assert kari.study_id in html(page)


def test_an_unknown_phone_gets_the_same_answer_and_no_sms(browser, kari):
    known = browser.post("/me/login/", {"phone": "68050001"}, follow=True)
    unknown = Client(headers={"accept-language": "en"}).post("/me/login/", {"phone": "68050009"}, follow=True)

    hide = re.compile(r'name="csrfmiddlewaretoken" value="[^"]+"')
    assert hide.sub("", html(known)) == hide.sub("", html(unknown))
    assert len(sent_codes()) == 1


@pytest.mark.parametrize("phone", ["68050001", "68050009"])
def test_a_stopwatch_does_not_tell_a_known_phone_from_an_unknown_one(browser, kari, settings, phone):
    settings.SECONDS_TO_ANSWER = 0.1
    started = time.monotonic()
    browser.post("/me/login/", {"phone": phone})
    asked = time.monotonic()
    browser.post("/me/login/code/", {"code": "123456"})

    assert asked - started >= 0.1
    assert time.monotonic() - asked >= 0.1


def test_one_more_code_is_a_button_that_answers_everybody_alike(browser, kari):
    stranger = Client(headers={"accept-language": "en"})
    pages = []
    for client, phone in ((browser, "68050001"), (stranger, "68050009")):
        client.post("/me/login/", {"phone": phone})
        pages.append(html(client.post("/me/login/code/again/", follow=True)))

    hide = re.compile(r'name="csrfmiddlewaretoken" value="[^"]+"')
    assert "fewer than five codes were sent in the past hour" in pages[0]
    assert hide.sub("", pages[0]) == hide.sub("", pages[1])
    assert len(sent_codes()) == 2


def test_one_more_code_needs_a_phone_first(browser, kari):
    assert browser.post("/me/login/code/again/").url == "/me/login/"


def test_a_code_for_an_unknown_phone_is_just_wrong(browser, kari):
    browser.post("/me/login/", {"phone": "68050009"})
    page = browser.post("/me/login/code/", {"code": "123456"})

    assert "The code is not right" in html(page)


def test_tries_are_limited(browser, kari):
    browser.post("/me/login/", {"phone": "68050001"})
    right = code_in(sent_codes()[-1])
    wrong = "000000" if right != "000000" else "111111"
    for _try in range(5):
        browser.post("/me/login/code/", {"code": wrong})

    browser.post("/me/login/code/", {"code": right})
    assert "participant" not in browser.session


def test_a_code_is_too_old_after_ten_minutes(browser, kari, today):
    browser.post("/me/login/", {"phone": "68050001"})
    today.shift(timedelta(minutes=11))
    browser.post("/me/login/code/", {"code": code_in(sent_codes()[-1])})

    assert "participant" not in browser.session


def test_the_phone_is_sealed_in_the_session(browser, kari):
    browser.post("/me/login/", {"phone": "68050001"})

    assert "68050001" not in str(dict(browser.session.items()))


def test_on_a_shared_phone_each_sms_names_its_study_number_and_opens_its_own_page(browser, trial, kari):
    ola = make_participant(trial, contact=make_contact(name="Ola Eksempel", phone=KARI))
    browser.post("/me/login/", {"phone": "68050001"})
    for_ola = next(text for text in sent_codes() if text.startswith(f"{ola.study_id}: "))
    page = browser.post("/me/login/code/", {"code": code_in(for_ola)}, follow=True)

    assert ola.study_id in html(page)
    assert kari.study_id not in html(page)


def test_a_swedish_number_is_read_as_one_where_we_have_a_swedish_trial(browser, trial):
    swedish = make_trial("svensk", changes={'country = "NO"': 'country = "SE"'})
    make_participant(swedish, contact=make_contact(phone="+46701740605"))

    log_in(browser, phone="070 174 06 05")
    assert "participant" in browser.session


@pytest.mark.parametrize(
    "page",
    ["", "messages/", "advice/", "break/", "phone/", "phone/code/", "withdraw/", "withdraw/data/", "week/1/"],
)
def test_nothing_is_shown_to_anybody_else(browser, kari, page):
    assert browser.get(f"/me/{page}").url == "/me/login/"


def test_the_page_is_not_left_in_the_browsers_memory(browser, kari):
    assert "no-store" in log_in(browser)["Cache-Control"]


def test_logging_out_shuts_the_page(browser, kari):
    log_in(browser)
    browser.post("/me/logout/")

    assert browser.get("/me/").url == "/me/login/"


def test_what_was_sent_is_shown_without_codes(browser, kari):
    log_in(browser)
    make_message(kari, body="How many days?", language="en")
    for number, message in enumerate(Message.objects.all()):
        Message.objects.filter(pk=message.pk).update(state="sent", sent_at=NOW, provider_id=f"SM{number}")

    page = html(browser.get("/me/messages/"))
    assert '<p lang="en">How many days?</p>' in page
    assert code_in(sent_codes()[0]) not in page


def test_a_message_in_another_language_than_the_pages_says_so(browser, kari):
    log_in(browser)
    asked = make_message(kari, body="Hei!")
    Message.objects.filter(pk=asked.pk).update(state="sent", sent_at=NOW, provider_id="SM1")

    assert '<p lang="nb">Hei!' in html(browser.get("/me/messages/"))


def test_an_unfinished_baseline_is_the_first_thing(browser, kari):
    assert "/baseline/" in html(log_in(browser))


def test_a_break_of_two_weeks_ends_after_its_last_day(browser, kari):
    log_in(browser)
    browser.post("/me/break/", {"length": "2"})

    row = ParticipantStatus.objects.get(participant=kari, name=Status.PAUSED)
    assert row.until.isoformat() == "2026-03-17T23:00:00+00:00"
    assert row.by is None


def test_a_break_until_a_chosen_day(browser, kari):
    log_in(browser)
    browser.post("/me/break/", {"length": "day", "until": "2026-04-01"})

    assert "up to and including 1 April 2026" in html(browser.get("/me/"))
    assert facts(kari, NOW + timedelta(days=29)).paused
    assert not facts(kari, NOW + timedelta(days=31)).paused


@pytest.mark.parametrize("day", ["", "2026-03-01", "2027-03-01", "soon"])
def test_a_break_needs_a_day_that_comes_soon(browser, kari, day):
    log_in(browser)
    page = html(browser.post("/me/break/", {"length": "day", "until": day}))

    assert 'href="#id_until"' in page
    assert not facts(kari, NOW + timedelta(days=2)).paused


def test_a_break_is_ended_when_one_wants(browser, kari, today):
    log_in(browser)
    browser.post("/me/break/", {"length": "4"})
    today.shift(timedelta(hours=8))
    browser.post("/me/break/end/")

    assert facts(kari, NOW + timedelta(days=3)).may_contact


def test_a_stop_by_sms_is_taken_back(browser, kari):
    add_status(participant=kari, name=Status.STOPPED_CONTACT, by=None, now=NOW)
    assert "You have stopped our messages" in html(log_in(browser))
    browser.post("/me/break/end/")

    assert facts(kari, NOW + timedelta(days=2)).may_contact


def test_a_new_number_counts_when_its_code_came_back(browser, kari):
    log_in(browser)
    browser.post("/me/phone/", {"phone": "68 05 00 02"})
    kari.identity.refresh_from_db()
    assert vault.open_of(kari.identity, "phone") == KARI

    browser.post("/me/phone/code/", {"code": code_in(sent_codes()[-1])})
    kari.identity.refresh_from_db()
    assert vault.open_of(kari.identity, "phone") == OLA


def test_the_code_goes_to_the_new_number(browser, kari):
    log_in(browser)
    browser.post("/me/phone/", {"phone": "68 05 00 02"})

    message = Message.objects.filter(kind=Kind.CODE).latest("due_at", "id")
    assert vault.open_of(message, "other_phone") == OLA


def test_the_new_number_is_shown_so_that_a_slip_is_seen_and_gets_one_more_code(browser, kari):
    log_in(browser)
    browser.post("/me/phone/", {"phone": "68 05 00 02"})
    page = html(browser.post("/me/phone/code/again/", follow=True))

    assert "+47 68 05 00 02" in page
    assert "We have sent a new code." in page
    message = Message.objects.filter(kind=Kind.CODE).latest("due_at", "id")
    assert vault.open_of(message, "other_phone") == OLA


def test_when_there_were_enough_codes_the_page_says_so_and_sends_none(browser, kari):
    log_in(browser)
    browser.post("/me/phone/", {"phone": "68 05 00 02"})
    for _click in range(4):
        page = html(browser.post("/me/phone/code/again/", follow=True))

    assert "five codes in the past hour. Wait an hour" in page
    assert "We have sent a new code." not in page
    assert len(sent_codes()) == 5


def test_no_new_number_is_needed_for_the_page_to_lead_back(browser, kari):
    log_in(browser)

    assert browser.post("/me/phone/code/again/").url == "/me/phone/"


def test_a_log_in_code_does_not_change_the_number(browser, kari):
    log_in(browser)
    used = code_in(sent_codes()[-1])
    browser.post("/me/phone/", {"phone": "68 05 00 02"})
    if used != code_in(sent_codes()[-1]):
        browser.post("/me/phone/code/", {"code": used})

    kari.identity.refresh_from_db()
    assert vault.open_of(kari.identity, "phone") == KARI


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("intervention", Status.WITHDRAWN_INTERVENTION),
        ("contact", Status.WITHDRAWN_CONTACT),
        ("data", Status.WITHDRAWN_DATA),
    ],
)
def test_withdrawing_is_explained_confirmed_and_receipted(browser, kari, kind, status):
    log_in(browser)
    assert "This is what it means" in html(browser.get(f"/me/withdraw/{kind}/"))
    assert not ParticipantStatus.objects.filter(name=status).exists()
    receipt = browser.post(f"/me/withdraw/{kind}/", SURE | {"reason": "No strength"})

    assert kari.study_id in html(receipt)
    assert ParticipantStatus.objects.get(name=status).reason == "No strength"


def test_a_break_is_offered_only_while_messages_come(browser, kari):
    log_in(browser)
    assert "Do you only need some rest" in html(browser.get("/me/withdraw/"))
    browser.post("/me/withdraw/contact/", {"reason": ""})

    assert "Do you only need some rest" not in html(browser.get("/me/withdraw/"))


def test_withdrawing_twice_counts_once(browser, kari):
    log_in(browser)
    for _click in range(2):
        browser.post("/me/withdraw/contact/", {"reason": ""})

    assert ParticipantStatus.objects.filter(name=Status.WITHDRAWN_CONTACT).count() == 1


def test_taking_everything_back_is_asked_about_once_more(browser, kari):
    log_in(browser)
    asked = html(browser.post("/me/withdraw/data/", {"reason": "No strength"}))
    unsure = html(browser.post("/me/withdraw/data/", {"reason": "No strength", "asked": "True"}))

    assert "Are you sure?" in asked
    assert "See the other choices" in asked
    assert 'role="alert"' not in asked
    assert 'value="No strength"' in asked
    assert 'href="#id_sure"' in unsure
    assert not ParticipantStatus.objects.filter(name=Status.WITHDRAWN_DATA).exists()


def test_after_no_more_contact_only_the_data_are_left_to_decide_about(browser, kari):
    log_in(browser)
    browser.post("/me/withdraw/contact/", {"reason": ""})
    page = html(browser.get("/me/withdraw/"))

    assert "/me/withdraw/data/" in page
    assert "/me/withdraw/intervention/" not in page
    assert "/me/break/" not in page
    assert browser.post("/me/withdraw/intervention/").url == "/me/withdraw/"
    assert "See the other choices" not in html(browser.post("/me/withdraw/data/"))
    assert not ParticipantStatus.objects.filter(name=Status.WITHDRAWN_INTERVENTION).exists()


def test_taking_everything_back_erases_the_identity_and_shuts_the_page(browser, kari):
    log_in(browser)
    browser.post("/me/withdraw/data/", SURE)

    kari.identity.refresh_from_db()
    assert kari.identity.phone is None
    assert browser.get("/me/").url == "/me/login/"
    browser.post("/me/login/", {"phone": "68050001"})
    assert AccessCode.objects.count() == 1


def test_an_unknown_way_to_leave_is_not_found(browser, kari):
    log_in(browser)

    assert browser.get("/me/withdraw/everything/").status_code == 404


def test_there_is_no_advice_page_without_advice(browser, kari):
    log_in(browser)

    assert browser.get("/me/advice/").status_code == 404


def test_a_week_that_was_never_asked_is_not_found(browser, kari):
    log_in(browser)

    assert browser.get("/me/week/1/").status_code == 404


def test_after_the_data_lock_one_can_still_leave_and_is_told_what_no_longer_counts(browser, kari, trial):
    log_in(browser)
    lock_data(trial)

    assert "The study&#x27;s data are final" in html(browser.post("/me/withdraw/intervention/"))
    browser.post("/me/withdraw/contact/")
    assert set(ParticipantStatus.objects.values_list("name", flat=True)) == {
        "registered",
        "withdrawn_contact",
    }
