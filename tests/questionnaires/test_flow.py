"""Somebody walks through a questionnaire by the pages alone."""

import re

import pytest
from django.test import RequestFactory
from django.utils.translation import override

from tests.factories import lock_data, make_participant, make_trial
from trial.audit.context import acting
from trial.questionnaires import selectors
from trial.questionnaires.views import run_questionnaire

ALL = [
    {"calm": "always", "tired": "never"},
    {"pain_now": "2"},
    {"has_employer": "yes"},
    {"hours_a_week": "37,5", "tried": ["rest"]},
]


@pytest.fixture
def participant(db):
    return make_participant(make_trial())


class Browser:
    """The page flow, with the messages and addresses that a browser would see."""

    def __init__(self, participant, occasion="baseline"):
        self.participant, self.occasion = participant, occasion
        self.warned = ""

    def _ask(self, request, language="en"):
        from django.contrib.messages.storage.cookie import CookieStorage

        request._messages = CookieStorage(request)
        request.session = {}
        with override(language), acting(f"participant:{self.participant.study_id}"):
            response = run_questionnaire(request, self.participant, self.occasion, "/done/", "/later/")
        self.warned = " ".join(str(message) for message in request._messages)
        return response

    def get(self, step=None, **more):
        return self._ask(RequestFactory().get("/here/", {"step": step} if step else {}), **more)

    def post(self, step, answers=None, **more):
        return self._ask(RequestFactory().post(f"/here/?step={step}", answers or {}), **more)


@pytest.fixture
def browser(participant):
    return Browser(participant)


def words(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def walk(browser, pages=ALL):
    step = "1"
    for answers in pages:
        response = browser.post(step, answers)
        assert response.status_code == 302, words(response)
        step = response.url.removeprefix("?step=")
    return step


def test_one_walks_page_by_page_to_the_end(browser, participant):
    assert "1 of 5" in words(browser.get())
    assert walk(browser) == "review"
    page = words(browser.get("review"))
    assert "37.5 hours" in page
    assert "Rest" in page
    assert browser.post("review").url == "/done/"
    assert selectors.is_submitted(participant, "baseline")


def test_a_question_that_does_not_apply_is_never_seen(browser):
    step = walk(browser, [*ALL[:2], {"has_employer": "no"}])
    assert "How many hours" not in words(browser.get(step))
    assert "What have you tried?" in words(browser.get(step))


def test_the_first_page_without_an_answer_is_where_one_goes_on(browser):
    walk(browser, ALL[:2])
    assert "Do you have an employer?" in words(browser.get())


def test_going_back_shows_what_was_answered_and_lets_it_be_changed(browser, participant):
    walk(browser, ALL[:2])
    assert 'href="?step=1"' in browser.get("2").content.decode()
    assert browser.get("1").content.decode().count("checked") == 2
    browser.post("1", {"calm": "never", "tired": "never"})
    assert selectors.answers_of(participant, "baseline")["calm"] == "never"


def test_what_cannot_be_read_is_kept_and_explained(browser, participant):
    walk(browser, ALL[:3])
    response = browser.post("4", {"hours_a_week": "many", "tried": ["rest"]})
    page = response.content.decode()
    assert response.status_code == 200
    assert 'value="many"' in page
    assert "Write a number" in words(response)
    assert "checked" in page
    assert "hours_a_week" not in selectors.answers_of(participant, "baseline")


def test_the_review_leads_to_what_is_missing_and_does_not_send_in(browser, participant):
    walk(browser, ALL[:2])
    page = browser.get("review").content.decode()
    assert "Some questions are not answered yet." in page
    assert 'href="?step=3"' in page
    assert browser.post("review").url == "?step=3"
    assert not selectors.is_submitted(participant, "baseline")


def test_every_address_of_a_finished_questionnaire_leads_out_of_it(browser):
    walk(browser)
    browser.post("review")
    for response in (browser.get(), browser.get("1"), browser.post("1", ALL[0]), browser.post("review")):
        assert (response.status_code, response.url) == (302, "/done/")


def test_an_address_that_leads_nowhere_leads_to_the_review(browser):
    for step in ("99", "x", "-1"):
        assert browser.get(step).url == "?step=review"


def test_a_page_is_in_the_language_of_the_reader_or_else_of_the_participant(browser):
    assert "Den siste uka" in words(browser.get(language="nb"))
    assert "The past week" in words(browser.get(language="en"))
    assert "Den siste uka" in words(browser.get(language="sv"))


def test_who_leaves_in_the_middle_of_a_page_finds_it_as_it_was_left(browser, participant):
    assert 'name="later"' in browser.get("1").content.decode()
    response = browser.post("1", {"calm": "always", "later": ""})

    assert response.url == "/later/"
    assert not browser.warned
    assert selectors.answers_of(participant, "baseline") == {"calm": "always"}
    assert browser.get("1").content.decode().count("checked") == 1


def test_leaving_an_untouched_page_saves_and_says_nothing(browser, participant):
    assert browser.post("1", {"later": ""}).url == "/later/"
    assert not browser.warned
    assert selectors.answers_of(participant, "baseline") == {}


def test_what_cannot_be_read_on_leaving_is_named_and_does_not_replace_what_was_saved(browser, participant):
    walk(browser)
    response = browser.post("4", {"hours_a_week": "many", "tried": ["rest"], "later": ""})

    assert response.url == "/later/"
    assert "not saved: How many hours" in browser.warned
    assert selectors.answers_of(participant, "baseline")["hours_a_week"] == 37.5


def test_leaving_after_sending_in_from_another_tab_changes_nothing(browser, participant):
    walk(browser)
    browser.post("review")

    assert browser.post("1", {"calm": "never", "later": ""}).url == "/done/"
    assert selectors.answers_of(participant, "baseline")["calm"] == "always"


def test_another_occasion_asks_only_what_is_due_then(participant):
    later = Browser(participant, "week2")
    assert "1 of 3" in words(later.get())
    assert walk(later, ALL[:2]) == "review"
    assert later.post("review").url == "/done/"


def test_after_the_data_lock_a_page_says_so_and_nothing_is_saved(browser, participant):
    step = walk(browser)
    lock_data(participant.trial)
    answered = selectors.answers_of(participant, "baseline")
    for response in (
        browser.get(),
        browser.post("1", {"calm": "never", "tired": "never"}),
        browser.post(step),
    ):
        assert "The study takes no more answers" in words(response)
    assert selectors.answers_of(participant, "baseline") == answered
    assert not selectors.is_submitted(participant, "baseline")
