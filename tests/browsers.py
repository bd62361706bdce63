"""A real Chromium for tests that look at pages as people do: on a phone, by keyboard, by axe's rules."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.contrib.staticfiles import finders
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, expect, sync_playwright

from tests.accounts.conftest import PASSWORD

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    "resultTypes": ["violations"],  # a third quicker than with all that is good
}
QUIET = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
SCREENSHOTS = Path(__file__).resolve().parents[1] / "var" / "screenshots"


@pytest.fixture(scope="session")
def chromium():
    """Debian's Chromium; root may run it only outside its sandbox."""
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=[*QUIET, *sandbox]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def synchronous():
    """Playwright runs an event loop in this thread; Django must not take that for asynchronous code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield


@pytest.fixture
def open_as(chromium, live_server, synchronous):
    """Open a browser of its own in which `user` (or nobody) is logged in: `open_as(user, viewport=PHONE)`."""
    contexts = []

    def open_as(user=None, *, viewport=PHONE, language="en", **options) -> Page:
        context = chromium.new_context(
            base_url=live_server.url, viewport=viewport, reduced_motion="reduce", **options
        )
        contexts.append(context)
        cookies = {"django_language": language}
        if user is not None:
            client = Client()
            client.force_login(user)
            cookies["sessionid"] = client.cookies["sessionid"].value
        context.add_cookies(
            [{"name": name, "value": value, "url": live_server.url} for name, value in cookies.items()]
        )
        page = context.new_page()
        page.set_default_timeout(20_000)
        return page

    yield open_as
    for context in contexts:
        context.close()


class Window:
    """A page that shows answers of Django's test client, and so what only the test's transaction sees."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.route("**/*", lambda route: route.fulfill(**self._shown))
        page.route("**/static/**", lambda route: route.fulfill(path=_file(route.request.url)))

    def show(self, response: HttpResponse) -> None:
        self._shown = {
            "status": response.status_code,
            "headers": dict(response.items()),
            "body": response.content,
        }
        self.page.goto("/")


def _file(address: str) -> str:
    return finders.find(urlsplit(address).path.removeprefix("/static/"))


@pytest.fixture(scope="module")
def window(chromium, synchronous):
    """A phone in which one page after the other is opened."""
    context = chromium.new_context(base_url="http://localhost", viewport=PHONE, reduced_motion="reduce")
    yield Window(context.new_page())
    context.close()


def assert_good(page: Page) -> None:
    """No rule of WCAG 2.2 AA is broken, and nothing sticks out to the right."""
    from axe_playwright_python.sync_playwright import Axe

    page.wait_for_load_state()  # a click waits for the page only, not for its style sheets
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    expect(page.locator("h1")).to_have_count(1)


def add_passkey(page: Page, *, check: Callable[[Page], object] = bool) -> None:
    """A key for whoever is logged in, in an authenticator that presses its own button; `check`: its pages."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    key = {"protocol": "ctap2", "transport": "internal", "automaticPresenceSimulation": True}
    key |= dict.fromkeys(("hasResidentKey", "hasUserVerification", "isUserVerified"), True)
    session.send("WebAuthn.addVirtualAuthenticator", {"options": key})
    page.goto(reverse("mfa_add_webauthn"))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    check(page)
    page.get_by_text("Passwordless", exact=True).click()
    page.get_by_role("button", name="Add").click()
    page.wait_for_url(lambda url: not url.endswith("/add/"))  # the authenticator answers in its own time


def photograph(page: Page, name: str, *, whole: bool = True) -> None:
    """A picture for people, of the whole page or of its first screen: `var/screenshots/<name>.png`."""
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=whole)
