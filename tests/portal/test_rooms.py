"""What the rooms of the trial put on the participant's own page."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
import time_machine
from django.test import Client

from expertteam.services import plan_meeting, save_advice, sign_advice
from followup.models import WeeklyAnswer
from followup.services import make_plans, turn_due_occasions
from randomization.services import allocate
from tests.factories import (
    NOW,
    make_case,
    make_expert,
    make_trial,
    make_user,
    make_verified_participant,
    seal,
)
from trial.people.access import SESSION_KEY

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(days=15)


@pytest.fixture
def trial():
    trial = make_trial()
    seal(trial)
    return trial


@pytest.fixture
def followed(trial):
    """Somebody who was randomized and asked about a first week, which is over at LATER."""
    participant = make_verified_participant(trial)
    allocate(participant=participant, by=make_user("coordinator", trial=trial), now=NOW)
    make_plans(now=NOW)
    turn_due_occasions(now=LATER)
    return participant


@pytest.fixture(autouse=True)
def two_weeks_later():
    with time_machine.travel(LATER, tick=True):
        yield


def browser_of(participant):
    client = Client(headers={"accept-language": "en"})
    session = client.session
    session[SESSION_KEY] = participant.study_id
    session.save()
    return client


def html(response):
    return response.content.decode()


def test_the_next_question_is_announced(followed):
    assert "We send you a question by SMS." in html(browser_of(followed).get("/me/"))


def test_what_comes_stands_in_the_order_in_which_it_comes(trial):
    case = make_case(trial)
    make_plans(now=NOW)
    meeting = {
        "minutes": 45,
        "video_url": "https://video.example.org/room",
        "by": make_expert(case),
        "now": NOW,
    }
    plan_meeting(case=case, starts_at=LATER + timedelta(days=9), **meeting)
    page = html(browser_of(case.participant).get("/me/"))
    assert page.index("We send you a question by SMS.") < page.index("Video meeting with your team")

    plan_meeting(case=case, starts_at=LATER + timedelta(days=1), **meeting)
    page = html(browser_of(case.participant).get("/me/"))
    assert page.index("Video meeting with your team") < page.index("We send you a question by SMS.")


def test_in_a_break_only_what_comes_after_it_is_announced(followed):
    browser = browser_of(followed)
    assert "23 March 2026" in html(browser.get("/me/"))
    browser.post("/me/break/", {"length": "2"})

    page = html(browser.get("/me/"))
    assert "23 March 2026" not in page
    assert "6 April 2026" in page


def test_no_message_is_promised_to_whom_we_may_not_write(followed):
    browser = browser_of(followed)
    browser.post("/me/withdraw/contact/")

    page = html(browser.get("/me/"))
    assert "We send you" not in page
    assert "Nothing to do now." in page


def test_a_week_is_answered_here_instead_of_by_sms(followed):
    browser = browser_of(followed)
    assert "No answer yet" in html(browser.get("/me/"))
    browser.post("/me/week/1/", {"days": "2,5"})

    assert WeeklyAnswer.objects.get().days == Decimal("2.5")
    assert "2.5" in html(browser.get("/me/"))


@pytest.mark.parametrize("days", ["", "8", "-1", "0.3", "many"])
def test_a_number_of_days_that_cannot_be_is_asked_for_again(followed, days):
    page = html(browser_of(followed).post("/me/week/1/", {"days": days}))

    assert 'href="#id_days"' in page
    assert not WeeklyAnswer.objects.exists()


def test_a_week_that_has_not_come_cannot_be_answered(followed):
    assert browser_of(followed).get("/me/week/4/").status_code == 404


def test_advice_is_read_once_it_is_signed(trial):
    case = make_case(trial)
    expert = make_expert(case)
    thread = uuid4()
    draft = save_advice(case=case, thread=thread, based_on=0, text="Draft", by=expert, now=NOW)
    browser = browser_of(case.participant)
    assert browser.get("/me/advice/").status_code == 404

    sign_advice(
        case=case,
        thread=thread,
        based_on=draft.version,
        text="## Move\n\n- Walk a little",
        by=expert,
        now=NOW,
    )
    assert "Read your advice" in html(browser.get("/me/"))
    assert "<h2>Move</h2>\n<ul><li>Walk a little</li></ul>" in html(browser.get("/me/advice/"))


def test_a_meeting_that_comes_is_shown_with_its_link(trial):
    case = make_case(trial)
    plan_meeting(
        case=case,
        starts_at=LATER + timedelta(days=1),
        minutes=45,
        video_url="https://video.example.org/room",
        by=make_expert(case),
        now=NOW,
    )

    page = html(browser_of(case.participant).get("/me/"))
    assert "Video meeting with your team, 45 minutes." in page
    assert "https://video.example.org/room" in page


def test_no_page_tells_the_arm(trial):
    case = make_case(trial)
    browser = browser_of(case.participant)

    for address in ("/me/", "/me/messages/", "/me/withdraw/", "/consent/"):
        page = html(browser.get(address))
        assert "Talk" not in page
        assert "Usual follow-up" not in page


def test_nobody_reads_anothers_page(followed, trial):
    other = make_verified_participant(trial)

    assert other.study_id not in html(browser_of(followed).get("/me/"))
