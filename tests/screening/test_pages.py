"""The public pages, walked as a visitor walks them."""

import re
from functools import partial
from pathlib import Path

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.utils.translation import override

from screening.models import Attempt, Consent, ScreenFailure
from screening.selectors import Step, baseline_locked
from tests.factories import make_trial
from tests.screening.conftest import FITTING
from tests.together import at_once
from trial.messaging.models import Message
from trial.messaging.texts import message_body
from trial.people.models import Participant
from trial.protocol.models import TrialStatus
from trial.protocol.reading import read_sources, study_from
from trial.protocol.services import set_trial_status

pytestmark = pytest.mark.django_db

WORK = {"sick_listed": "yes"}
WEEKS = {"weeks_sick_listed": "10"}
COMPLAINT = {"main_complaint": "pain"}
POSTAL = """
[[eligibility.pages]]
key = "home"
title = { nb = "Hjemme", en = "At home" }

[[eligibility.pages.items]]
key = "home"
kind = "postal_code"
label = { nb = "Postnummer", en = "Postal code" }

"""
CONTACT = {"phone": "68 05 00 01", "email": "kari@example.org"}


@pytest.fixture
def visitor(trial):
    return Client(headers={"accept-language": "en"})


def at(client, page, data=None):
    """Open or send a page of the tiny trial; ends where the redirects end."""
    address = f"/t/tiny/{page}"
    response = client.get(address, follow=True) if data is None else client.post(address, data, follow=True)
    assert response.status_code == 200, response.content.decode()
    return response


def where(response):
    return response.request["PATH_INFO"].removeprefix("/t/tiny")


def html(response):
    return response.content.decode()


def answer_all(client, complaint=COMPLAINT):
    at(client, "start/", {})
    at(client, "questions/1/", WORK)
    at(client, "questions/2/", WEEKS)
    at(client, "questions/3/", complaint)
    return at(client, "check/", {})


def agree(client, **changes):
    page = at(client, "consent/")
    shown = re.search(r'name="shown" value="([0-9a-f]{64})"', html(page))[1]
    return at(client, "consent/", {"shown": shown, "tick_sms": "on", "name": "Kari Eksempel", **changes})


def sign_up(client, **changes):
    answer_all(client)
    agree(client)
    north = make_site_id()
    return at(client, "contact/", CONTACT | {"site": north} | changes)


def make_site_id():
    from trial.people.models import Site

    return Site.objects.get(key="north", trial__slug="tiny").pk


def latest_code():
    return re.search(r"\d{6}", message_body(Message.objects.filter(kind="code").latest("due_at", "id")))[0]


def test_the_front_page_lists_trials_that_recruit(visitor):
    make_trial("closed", recruiting=False)
    page = html(visitor.get("/"))

    assert "/t/tiny/" in page
    assert "/t/closed/" not in page


def test_the_front_page_marks_a_trials_words_that_are_in_another_language(trial):
    def front(language):
        return html(Client(headers={"accept-language": language}).get("/"))

    assert '<strong lang="nb">Bitte liten studie' in front("sv")
    assert "<strong>Tiny trial" in front("en")


def test_a_trial_speaks_its_own_language_where_it_lacks_the_visitors(trial):
    page = Client(headers={"accept-language": "sv"}).get("/t/tiny/")

    assert '<html lang="nb"' in html(page)
    assert "Bitte liten studie" in html(page)


def test_an_unknown_trial_is_a_kind_404(trial):
    page = Client().get("/t/nothing/")

    assert page.status_code == 404
    assert "tb-lead" in html(page)


def test_from_the_first_question_to_fitting(visitor):
    result = answer_all(visitor)

    assert where(result) == "/result/"
    assert "You can take part" in html(result)


def test_who_does_not_fit_reads_why_and_leaves_nothing(visitor):
    at(visitor, "start/", {})
    at(visitor, "questions/1/", {"sick_listed": "no"})
    at(visitor, "questions/3/", {"main_complaint": "other"})
    result = at(visitor, "check/", {})

    assert "The trial is for people who have been on sick leave for 8–20 weeks." in html(result)
    assert "The trial is for people with pain or mental health problems." in html(result)
    assert Attempt.objects.get().answers == {}
    assert ScreenFailure.objects.count() == 2


def test_an_answer_that_another_tab_overtook_leads_to_the_result(visitor, monkeypatch):
    at(visitor, "start/", {})
    at(visitor, "questions/1/", {"sick_listed": "no"})
    at(visitor, "questions/3/", {"main_complaint": "other"})
    at(visitor, "check/", {})
    monkeypatch.setattr("screening.visits.step_of", lambda _attempt: Step.QUESTIONS)  # a moment ago
    overtaken = visitor.post("/t/tiny/questions/1/", {"sick_listed": "no"})

    assert overtaken.url == "/t/tiny/result/"


def test_who_answered_wrongly_may_answer_again(visitor):
    at(visitor, "start/", {})
    at(visitor, "questions/1/", {"sick_listed": "no"})
    at(visitor, "questions/3/", COMPLAINT)
    at(visitor, "check/", {})
    at(visitor, "again/", {})

    assert where(answer_all(visitor)) == "/result/"
    assert Attempt.objects.count() == 1


def test_a_page_without_its_answer_says_what_is_missing(visitor):
    at(visitor, "start/", {})
    page = html(at(visitor, "questions/1/", {}))

    assert 'role="alert"' in page
    assert 'href="#id_sick_listed_0"' in page
    assert 'id="id_sick_listed_0"' in page
    assert "<title>Error:" in page


def test_what_was_answered_before_is_shown_again(visitor):
    answer_all(visitor)

    assert re.search(r'value="pain"[^>]*checked', html(at(visitor, "questions/3/")))


def test_an_answer_is_changed_from_the_overview_and_leads_back_to_it(visitor):
    at(visitor, "start/", {})
    at(visitor, "questions/1/", WORK)
    at(visitor, "questions/2/", WEEKS)
    at(visitor, "questions/3/", COMPLAINT)

    assert where(at(visitor, "questions/2/?change", {"weeks_sick_listed": "12"})) == "/check/"
    assert Attempt.objects.get().answers == FITTING | {"weeks_sick_listed": 12}


def test_the_overview_asks_for_what_is_missing(visitor):
    at(visitor, "start/", {})
    at(visitor, "questions/1/", WORK)

    assert where(at(visitor, "check/")) == "/questions/2/"


@pytest.mark.parametrize("page", ["questions/1/", "check/", "result/", "consent/", "contact/", "confirm/"])
def test_who_has_not_begun_lands_on_the_trials_page(visitor, page):
    assert where(at(visitor, page)) == "/"


@pytest.mark.parametrize("page", ["consent/", "contact/", "confirm/", "result/"])
def test_nobody_runs_ahead_of_the_questions(visitor, page):
    at(visitor, "start/", {})

    assert where(at(visitor, page)) == "/questions/1/"


def test_no_answer_and_no_identity_enters_the_session_or_an_address(visitor):
    response = sign_up(visitor)

    held = str(dict(visitor.session.items()))
    assert set(visitor.session.keys()) == {"attempts", "confirming"}
    for secret in ("pain", "Kari", "68050001", "kari@example.org"):
        assert secret not in held
        assert all(secret not in address for address, _status in response.redirect_chain)


def test_a_required_tick_and_a_name_are_asked_for(visitor):
    answer_all(visitor)
    page = html(agree(visitor, tick_sms="", name=""))

    assert 'href="#id_tick_sms"' in page
    assert 'href="#id_name"' in page
    assert not Consent.objects.exists()


def test_consent_in_another_language_than_shown_is_read_again(visitor):
    answer_all(visitor)
    page = at(visitor, "consent/")
    shown = re.search(r'name="shown" value="([0-9a-f]{64})"', html(page))[1]
    visitor.cookies["django_language"] = "nb"

    assert where(at(visitor, "consent/", {"shown": shown, "tick_sms": "on", "name": "Kari"})) == "/consent/"
    assert not Consent.objects.exists()


def test_contact_details_that_cannot_be_read_are_asked_for_again_and_kept_on_the_page(visitor):
    page = html(sign_up(visitor, phone="123"))

    assert 'href="#id_phone"' in page
    assert 'value="kari@example.org"' in page
    assert not Participant.objects.exists()


def test_signing_up_leads_through_a_code_to_the_baseline_and_a_study_id(visitor):
    assert where(sign_up(visitor)) == "/confirm/"
    page = at(visitor, "confirm/", {"code": latest_code()})

    participant = Participant.objects.get()
    assert page.request["PATH_INFO"] == "/baseline/"
    assert visitor.session["participant"] == participant.study_id
    assert not baseline_locked(participant)


@pytest.mark.django_db(transaction=True)
def test_fifty_submits_at_once_make_one_participant_and_one_code(visitor):
    answer_all(visitor)
    agree(visitor)
    details = CONTACT | {"site": make_site_id()}
    tabs = [Client() for _tab in range(50)]
    for tab in tabs:
        tab.cookies = visitor.cookies
        assert where(at(tab, "contact/")) == "/contact/"

    pages = at_once([partial(tab.post, "/t/tiny/contact/", details) for tab in tabs])

    assert {(page.status_code, page.headers.get("Location")) for page in pages} == {(302, "/t/tiny/confirm/")}
    assert Participant.objects.count() == 1
    assert Consent.objects.get().participant == Attempt.objects.get().participant == Participant.objects.get()
    assert Message.objects.get().kind == "code"
    assert where(at(visitor, "confirm/", {"code": latest_code()})) == "/baseline/"


def test_a_wrong_code_does_not_let_anybody_in(visitor):
    sign_up(visitor)
    page = html(at(visitor, "confirm/", {"code": "000000" if latest_code() != "000000" else "111111"}))

    assert 'href="#id_code"' in page
    assert "participant" not in visitor.session


def test_a_stranger_cannot_tell_that_somebody_takes_part(visitor):
    first = sign_up(visitor)
    stranger = Client(headers={"accept-language": "en"})
    second = sign_up(stranger)

    assert where(first) == where(second)
    strip = re.compile(r'name="csrfmiddlewaretoken" value="[^"]+"')
    assert strip.sub("", html(first)) == strip.sub("", html(second))
    assert Participant.objects.count() == 1
    assert Message.objects.filter(kind="code").count() == 2


def test_who_takes_part_already_comes_to_the_own_page(visitor):
    sign_up(visitor)
    again = Client(headers={"accept-language": "en"})
    sign_up(again)
    page = at(again, "confirm/", {"code": latest_code()})

    assert page.request["PATH_INFO"] == "/me/"
    assert "You take part in this study already" in html(page)


def test_a_slip_in_the_number_is_mended(visitor):
    sign_up(visitor)
    at(visitor, "confirm/phone/", {"phone": "68 05 00 02"})

    assert where(at(visitor, "confirm/")) == "/confirm/"
    page = at(visitor, "confirm/", {"code": latest_code()})
    assert page.request["PATH_INFO"] == "/baseline/"


def test_codes_are_limited_and_the_page_stays_the_same(visitor):
    sign_up(visitor)
    for _time in range(8):
        assert where(at(visitor, "confirm/again/", {})) == "/confirm/"

    assert Message.objects.filter(kind="code").count() == 5
    assert "Otherwise wait an hour" in html(at(visitor, "confirm/again/", {}))


def test_who_says_no_is_thanked_told_what_is_deleted_and_may_come_back(visitor):
    answer_all(visitor)
    assert "/t/tiny/declined/" in html(at(visitor, "consent/"))
    page = html(at(visitor, "declined/"))

    assert "deleted by itself" in page
    assert where(at(visitor, "consent/")) == "/consent/"


def test_nobody_is_thanked_for_a_no_that_they_did_not_say(visitor):
    assert where(at(visitor, "declined/")) == "/"
    sign_up(visitor)
    assert where(at(visitor, "declined/")) == "/confirm/"


def test_nobody_writes_the_postal_code_twice():
    begin = '[[eligibility.criteria]]\nkey = "on_sick_leave"'
    make_trial(changes={begin: POSTAL + begin})
    visitor = Client(headers={"accept-language": "en"})
    at(visitor, "start/", {})
    for number, answers in enumerate((WORK, WEEKS, COMPLAINT, {"home": "7030"}), 1):
        at(visitor, f"questions/{number}/", answers)
    at(visitor, "check/", {})
    agree(visitor)

    assert 'value="7030"' in html(at(visitor, "contact/"))


def test_back_to_an_earlier_page_after_registration_goes_on_where_one_is(visitor):
    sign_up(visitor)

    for page in ("questions/1/", "consent/", "contact/"):
        assert where(at(visitor, page)) == "/confirm/"


def test_a_trial_that_closes_takes_nobody_more_and_says_so(visitor, trial):
    set_trial_status(
        trial=trial, name=TrialStatus.Name.CLOSED, by="system:test", now=trial.statuses.latest("id").at
    )

    assert "does not take in new participants now" in html(at(visitor, "start/", {}))
    assert not Attempt.objects.exists()


def finish_baseline(client):
    """Answer whatever the baseline asks, the first choice each time, and send it in."""
    page = client.get("/baseline/", follow=True)
    for _step in range(30):
        path, query = page.request["PATH_INFO"], page.request["QUERY_STRING"]
        if path != "/baseline/":
            return page
        data = {}
        for name, value in re.findall(r'<input type="radio" name="([^"]+)" value="([^"]+)"', html(page)):
            data.setdefault(name, value)
        for name in re.findall(r'<input type="text" name="([^"]+)"', html(page)):
            data[name] = "1"
        page = client.post(f"{path}?{query}", data, follow=True)
    raise AssertionError("the baseline did not end")


def test_the_baseline_ends_with_thanks_and_the_study_id(visitor):
    sign_up(visitor)
    at(visitor, "confirm/", {"code": latest_code()})
    page = finish_baseline(visitor)

    participant = Participant.objects.get()
    assert page.request["PATH_INFO"] == "/baseline/thanks/"
    assert participant.study_id in html(page)
    assert baseline_locked(participant)
    assert visitor.get("/baseline/").url == "/baseline/thanks/"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("workup", "A draw between the places decides which"),
        ("expert-at-work", "A draw decides which follow-up you get."),
    ],
)
def test_the_thanks_tell_how_this_trial_draws(name, told):
    protocol = study_from(read_sources(Path("protocols") / f"{name}.toml")).protocol
    with override("en"):
        page = render_to_string("screening/thanks.html", {"protocol": protocol, "language": "en"})

    assert told in page
    assert page.count("A draw") == 1


def test_a_copy_of_the_consent_is_kept_to_read_and_as_a_file(visitor):
    sign_up(visitor)
    at(visitor, "confirm/", {"code": latest_code()})
    copy, file = html(visitor.get("/consent/")), visitor.get("/consent/text/")

    given = Consent.objects.get()
    assert "Kari Eksempel" in copy
    assert given.text_sha256 in copy
    assert file["Content-Disposition"] == 'attachment; filename="consent-1.txt"'
    assert "We want to find out whether a talk helps." in html(file)


def test_the_copy_is_for_nobody_else(trial):
    assert Client().get("/consent/").url == "/me/login/"


def test_an_ended_session_comes_back_with_a_code_to_where_it_was(visitor):
    sign_up(visitor)
    at(visitor, "confirm/", {"code": latest_code()})
    later = Client(headers={"accept-language": "en"})

    assert later.get("/baseline/").url == "/me/login/"
    later.post("/me/login/", {"phone": "68050001"})
    page = later.post("/me/login/code/", {"code": latest_code()}, follow=True)
    assert "/baseline/" in html(page)
