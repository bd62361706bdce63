"""The simulator's phones in a real browser: by keyboard, by axe's rules."""

import pytest
import requests
from playwright.sync_api import expect

from tests.browsers import PHONE, assert_good

pytestmark = pytest.mark.browser

OWNER = "+4768050001"
QUESTION = "Hvor mange dager var du sykmeldt siste uke?"


@pytest.fixture
def written_to(simulator, settings):
    account = settings.TWILIO_ACCOUNT_SID
    address = f"{simulator.url}/2010-04-01/Accounts/{account}/Messages.json"
    form = {"To": OWNER, "From": settings.TWILIO_FROM, "Body": QUESTION}
    requests.post(address, form, auth=(account, settings.TWILIO_AUTH_TOKEN), timeout=5).raise_for_status()
    return simulator


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_somebody_reads_and_answers_by_keyboard(chromium, written_to, scheme):
    page = chromium.new_page(viewport=PHONE, color_scheme=scheme)
    page.goto(written_to.url)
    assert_good(page)
    page.get_by_role("link", name=OWNER).press("Enter")
    conversation = page.frame_locator("iframe")
    expect(conversation.get_by_text(QUESTION)).to_be_visible()
    assert_good(page)
    page.keyboard.type("3 dager")  # the line to answer has the focus
    page.keyboard.press("Enter")
    expect(conversation.get_by_text("3 dager")).to_be_visible()
    page.close()


def test_nothing_typed_is_lost_when_the_conversation_refreshes(chromium, written_to):
    page = chromium.new_page(viewport=PHONE, java_script_enabled=False)
    page.goto(f"{written_to.url}/phones/{OWNER}")
    page.get_by_label("Answer from this phone").fill("to dager")
    written_to.answer(OWNER, "fra en annen fane")
    expect(page.frame_locator("iframe").get_by_text("fra en annen fane")).to_be_visible(timeout=10_000)
    expect(page.get_by_label("Answer from this phone")).to_have_value("to dager")
    page.close()
