"""A participant's way on a phone, in a real Chromium: by axe's rules, and without JavaScript."""

import re

import pytest
from playwright.sync_api import expect

from tests.browsers import DESK, PHONE, assert_good, photograph
from tests.factories import make_trial
from trial.messaging.models import Message
from trial.messaging.texts import message_body
from trial.people.models import Participant

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def trial():
    return make_trial()


def latest_code():
    return re.search(r"\d{6}", message_body(Message.objects.filter(kind="code").latest("due_at")))[0]


def go_on(page, button="Next"):
    page.get_by_role("button", name=button, exact=True).click()


def choose(page, question, answer):
    page.get_by_role("group", name=question).get_by_label(answer, exact=True).check()


def answer_the_eligibility_questions(page):
    page.goto("/")
    page.get_by_role("link", name="Tiny trial").click()
    page.get_by_role("button", name="See if you can take part").first.click()
    choose(page, "Are you on sick leave now?", "Yes")
    go_on(page)
    page.get_by_label("How many weeks have you been on sick leave?").fill("10")
    go_on(page)
    choose(page, "What troubles you most?", "Pain")
    go_on(page)


def consent(page):
    page.get_by_role("link", name="Read what taking part means").click()
    page.get_by_label("You may send me text messages.").check()
    page.get_by_label("Your full name").fill("Kari Eksempel")


def give_contact_details(page):
    choose(page, "Which of these places do you belong to?", "North")
    page.get_by_label("Mobile phone").fill("68 05 00 01")
    go_on(page)


def answer_the_baseline(page):
    """The first choice of each question, a word in each free text, until all is sent in."""
    for _page in range(20):
        if page.url.endswith("/thanks/"):
            return
        for group in page.locator("fieldset:has(input[type=radio])").all():
            group.get_by_role("radio").first.check()
        for box in page.locator("main input[type=text]").all():
            box.fill("1")
        page.get_by_role("button", name=re.compile("Save and continue|Send in")).click()
    raise AssertionError("the baseline did not end")


def test_from_the_front_page_to_the_study_number(trial, open_as):
    page = open_as(viewport=PHONE)
    answer_the_eligibility_questions(page)
    assert_good(page)
    go_on(page, "See if you can take part")
    expect(page.get_by_role("heading", level=1)).to_have_text("You can take part")
    assert_good(page)
    consent(page)
    assert_good(page)
    go_on(page, "I agree and want to take part")
    assert_good(page)
    give_contact_details(page)
    assert_good(page)
    page.get_by_label("Code from the SMS").fill(latest_code())
    go_on(page, "Go on")
    assert_good(page)
    answer_the_baseline(page)

    assert_good(page)
    expect(page.locator(".tb-id")).to_have_text(Participant.objects.get().study_id)
    page.goto("/me/")
    assert_good(page)
    page.goto("/consent/")
    assert_good(page)


def test_who_does_not_fit_reads_why(trial, open_as):
    page = open_as(viewport=PHONE)
    page.goto("/t/tiny/")
    page.get_by_role("button", name="See if you can take part").first.click()
    choose(page, "Are you on sick leave now?", "No")
    go_on(page)
    choose(page, "What troubles you most?", "Something else")
    go_on(page)
    go_on(page, "See if you can take part")
    expect(page.get_by_role("heading", level=1)).to_have_text("This study is not for you now")
    expect(page.get_by_text("The trial is for people with pain or mental health problems.")).to_be_visible()
    assert_good(page)


def test_a_mistyped_phone_is_put_right_and_the_questionnaire_waits(trial, open_as):
    page = open_as(viewport=PHONE)
    answer_the_eligibility_questions(page)
    go_on(page, "See if you can take part")
    consent(page)
    go_on(page, "I agree and want to take part")
    give_contact_details(page)
    page.get_by_role("link", name="Was there a slip in the number?").click()
    assert_good(page)
    page.get_by_label("Mobile phone").fill("68 05 00 02")
    go_on(page, "Send a code")
    page.get_by_label("Code from the SMS").fill(latest_code())
    go_on(page, "Go on")
    go_on(page, "Continue later")
    expect(page.get_by_role("heading", level=1)).to_have_text("Come back when it suits you")
    assert_good(page)
    go_on(page, "Leave on this device")
    page.goto("/baseline/")
    expect(page.get_by_label("Your mobile phone")).to_be_visible()


def test_the_whole_way_without_javascript(trial, open_as):
    page = open_as(viewport=PHONE, java_script_enabled=False)
    answer_the_eligibility_questions(page)
    go_on(page, "See if you can take part")
    consent(page)
    go_on(page, "I agree and want to take part")
    give_contact_details(page)
    page.get_by_label("Code from the SMS").fill(latest_code())
    go_on(page, "Go on")
    answer_the_baseline(page)

    expect(page.locator(".tb-id")).to_have_text(Participant.objects.get().study_id)


def test_what_is_missing_takes_the_focus_and_leads_to_the_question(trial, open_as):
    page = open_as(viewport=PHONE)
    page.goto("/t/tiny/")
    page.get_by_role("button", name="See if you can take part").first.click()
    go_on(page)

    expect(page.get_by_role("alert")).to_be_focused()
    page.get_by_role("link", name="Are you on sick leave now?").click()
    expect(page.get_by_label("Yes", exact=True)).to_be_focused()
    assert_good(page)


def test_a_double_click_sends_a_form_once(trial, open_as):
    page = open_as(viewport=DESK)
    answer_the_eligibility_questions(page)
    go_on(page, "See if you can take part")
    consent(page)
    go_on(page, "I agree and want to take part")
    choose(page, "Which of these places do you belong to?", "North")
    page.get_by_label("Mobile phone").fill("68 05 00 01")
    page.get_by_role("button", name="Next").dblclick()
    expect(page.get_by_label("Code from the SMS")).to_be_visible()

    assert Participant.objects.count() == 1
    assert Message.objects.filter(kind="code").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_first_pages_are_good_in_both_colour_schemes(trial, open_as, scheme):
    page = open_as(viewport=PHONE, color_scheme=scheme)
    page.goto("/t/tiny/")
    assert_good(page)
    photograph(page, f"participant-{scheme}")
    page.get_by_role("button", name="See if you can take part").first.click()
    go_on(page)
    assert_good(page)


@pytest.mark.parametrize("width", [320, 640])
def test_nothing_sticks_out_on_a_narrow_screen_or_zoomed(trial, open_as, width):
    page = open_as(viewport={"width": width, "height": 600})
    for address in ("/", "/t/tiny/", "/me/login/"):
        page.goto(address)
        assert_good(page)
