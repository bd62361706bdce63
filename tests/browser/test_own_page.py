"""A participant's own page on a phone: in by a code, through every choice, and out of the study."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from followup.models import Occasion
from tests.browser.walk import choose, go_on
from tests.browsers import assert_good
from tests.factories import identity_of
from trial.people.models import IdentityRecord

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NEW = "+4768050099"
WITHDRAWALS = (
    ("Leave the follow-up that the study gives", "You have left the follow-up"),
    ("No more contact", "We will not contact you any more."),
    ("Take back everything", "You have left the study."),
)


@pytest.fixture
def participant(expert_at_work, provider, beat, time_machine):
    """Randomized, and asked about a first week a few hours ago."""
    participant = expert_at_work.randomized()
    beat()
    week = Occasion.objects.get(participant=participant, kind="weekly", number=1)
    time_machine.move_to(week.opens_at + timedelta(hours=3))
    beat()
    return participant


def follow(page, link):
    page.get_by_role("link", name=link, exact=True).click()


def log_in(page, phone, beat):
    page.goto("/me/login/")
    assert_good(page)
    page.get_by_label("Your mobile phone").fill(phone.number)
    go_on(page, "Send me a code")
    assert_good(page)
    beat()
    page.get_by_label("Code").fill(phone.code())
    go_on(page, "Log in")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your own page")


def test_a_participant_decides_everything_on_a_phone(participant, phone, open_as, beat):
    page, old, new = open_as(language="en"), phone(identity_of(participant).phone), phone(NEW)
    log_in(page, old, beat)
    assert_good(page)
    follow(page, "See all messages")
    expect(page.get_by_text("How many days were you on sick leave").first).to_be_visible()
    assert_good(page)
    follow(page, "Your own page")
    answer_the_week(page)
    take_a_break(page)
    change_the_phone(page, new, beat)
    read_the_consent(page)
    withdraw(page)
    assert IdentityRecord.objects.get(participant=participant).erased_at


def answer_the_week(page):
    page.locator("a[href='/me/week/1/']").click()
    assert_good(page)
    go_on(page, "Save")
    assert_good(page)  # what is missing is said
    page.locator("#id_days").fill("2,5")
    go_on(page, "Save")
    expect(page.get_by_text("Days of sick leave: 2.5")).to_be_visible()
    assert_good(page)


def take_a_break(page):
    follow(page, "Take a break from messages")
    assert_good(page)
    choose(page, "How long do you want a break?", "Until a day that I choose")
    go_on(page, "Start the break")
    assert_good(page)
    choose(page, "How long do you want a break?", "Two weeks")
    go_on(page, "Start the break")
    expect(page.get_by_text("You have a break up to and including")).to_be_visible()
    assert_good(page)
    go_on(page, "End the break now")
    expect(page.get_by_text("Welcome back.")).to_be_visible()
    assert_good(page)


def change_the_phone(page, new, beat):
    follow(page, "Change your phone number")
    assert_good(page)
    page.get_by_label("Mobile phone").fill(new.number)
    go_on(page, "Send a code")
    assert_good(page)
    beat()
    page.get_by_label("Code").fill(new.code())
    go_on(page, "Use the new number")
    expect(page.get_by_text("From now on we use your new number.")).to_be_visible()
    assert_good(page)


def read_the_consent(page):
    follow(page, "What you agreed to")
    assert_good(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Keep as a file").click()
    assert download.value.suggested_filename.startswith("consent-")
    follow(page, "Your own page")


def withdraw(page):
    for way, receipt in WITHDRAWALS:
        follow(page, "Withdraw from the study or a part of it")
        assert_good(page)
        page.get_by_role("link", name=way).click()
        assert_good(page)
        go_on(page, "Yes, that is what I want")
        if way == "Take back everything":
            assert_good(page)
            page.get_by_label("I take everything back").check()
            go_on(page, "Take back everything")
        expect(page.get_by_role("heading", level=1)).to_contain_text(receipt)
        assert_good(page)
        page.get_by_role("main").get_by_role("link", name="Go to").click()
        assert_good(page)
    page.goto("/me/")
    expect(page.get_by_label("Your mobile phone")).to_be_visible()
