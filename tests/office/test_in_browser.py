"""The office in a real browser: on a phone, by keyboard alone, without JavaScript, by axe's rules."""

import pytest
from django.urls import reverse

from tests.browsers import DESK, assert_good
from tests.factories import make_screened_participant, make_trial, make_user, make_verified_participant, seal
from tests.office.conftest import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def trial():
    trial = make_trial()
    seal(trial)
    return trial


def test_coordinator_verifies_and_randomizes_on_a_phone(trial, open_as):
    coordinator = make_user("coordinator", trial=trial, password=PASSWORD)
    participant = make_screened_participant(trial)
    page = open_as(coordinator)

    page.goto(reverse("admin:index"))
    assert_good(page)
    page.get_by_role("link", name="To verify").click()
    assert_good(page)
    page.get_by_role("link", name=participant.study_id).click()
    assert_good(page)
    page.get_by_text("No", exact=True).click()
    page.get_by_role("button", name="Record the decision").click()
    page.get_by_role("link", name="Randomize").click()
    assert_good(page)
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Randomize").click()
    page.get_by_text("is randomized").wait_for()
    assert_good(page)
    assert page.title().startswith("Randomized")
    assert page.url.endswith("/allocation/")


def test_office_works_without_javascript_and_by_keyboard(trial, open_as):
    coordinator = make_user("coordinator", trial=trial, password=PASSWORD)
    participant = make_verified_participant(trial, by=coordinator)
    page = open_as(coordinator, java_script_enabled=False, viewport=DESK)

    page.goto(reverse("admin:people_participant_randomize", args=[participant.pk]))
    page.get_by_label("Your password").focus()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_text("is randomized").wait_for()
    page.get_by_role("link", name="To the participant").press("Enter")
    page.get_by_role("heading", name="What happened").wait_for()


def test_one_menu_is_open_at_a_time_and_escape_closes_it(trial, open_as):
    user = make_user("coordinator", trial=trial)
    page = open_as(user)
    page.goto(reverse("admin:index"))
    page.locator("summary", has_text="English").click()
    page.get_by_role("button", name="Svenska").wait_for()
    page.locator("summary", has_text=user.name).click()
    page.get_by_role("button", name="Log out").wait_for()
    page.get_by_role("button", name="Svenska").wait_for(state="hidden")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Log out").wait_for(state="hidden")


def test_statistician_seals_the_list(open_as):
    trial = make_trial()
    statistician = make_user("statistician", trial=trial, password=PASSWORD)
    page = open_as(statistician)
    page.goto(reverse("randomization:desk", args=[trial.slug]))
    assert_good(page)
    page.get_by_role("link", name="Seal the list").click()
    assert_good(page)
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Seal the list").click()
    page.get_by_text("The list is sealed, and its commitment is public").wait_for()
    assert_good(page)
    page.goto(reverse("randomization:commitment", args=[trial.slug]))
    assert_good(page)
