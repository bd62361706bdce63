"""The office in a real browser: on a phone, by keyboard alone, without JavaScript, by axe's rules."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import Page, sync_playwright

from tests.factories import make_screened_participant, make_trial, make_user, make_verified_participant, seal
from tests.office.conftest import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE = {"width": 390, "height": 844}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.fixture(scope="module", autouse=True)
def chromium():
    """Playwright runs an event loop in this thread; Django must not take that for asynchronous code."""
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def trial():
    trial = make_trial()
    seal(trial)
    return trial


@pytest.fixture
def open_as(chromium, live_server, client):
    """A page of a browser in which somebody is logged in."""

    def open_page(user, *, javascript=True, viewport=PHONE) -> Page:
        client.force_login(user)
        context = chromium.new_context(
            base_url=live_server.url, java_script_enabled=javascript, viewport=viewport, locale="en"
        )
        cookies = {"sessionid": client.cookies["sessionid"].value, "django_language": "en"}
        context.add_cookies(
            [{"name": name, "value": value, "url": live_server.url} for name, value in cookies.items()]
        )
        return context.new_page()

    return open_page


def assert_good(page: Page) -> None:
    """No rule of WCAG 2.2 AA is broken, and nothing sticks out to the right."""
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


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
    page = open_as(coordinator, javascript=False, viewport={"width": 1280, "height": 900})

    page.goto(reverse("admin:people_participant_randomize", args=[participant.pk]))
    page.get_by_label("Your password").focus()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_text("is randomized").wait_for()
    page.get_by_role("link", name="To the participant").press("Enter")
    page.get_by_role("heading", name="What happened").wait_for()


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
