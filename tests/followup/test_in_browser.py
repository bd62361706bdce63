"""Follow-up in a real Chromium: a questionnaire by code on a phone, and the coordinator's pages."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from followup.models import UnclearReply
from tests.browsers import DESK, PHONE, assert_good
from tests.factories import make_trial, seal
from tests.followup.conftest import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def world():
    """Today: the server in these tests reads the real clock."""
    trial = make_trial()
    seal(trial)
    world = World(trial)
    world.today = datetime.now(UTC)
    return world


@pytest.fixture
def anna(world):
    """Randomized 25 days ago, so her questionnaire of week 2 is open, whatever weekday it is."""
    return world.randomize(at=world.today - timedelta(days=25))


def read_through(page, look):
    """All steps of the tiny questionnaire, each looked at, and sent in."""
    for _ in range(6):
        look(page)
        if page.url.endswith(reverse("followup:done")):
            return
        for radio in page.get_by_label("Sometimes").all():
            radio.check()
        for number in page.locator("input[type=radio][value='4']").all():
            number.check()
        page.locator("main form button:not([name=later])").last.click()


@pytest.mark.parametrize("javascript", [True, False])
def test_a_questionnaire_is_reached_by_typing_address_and_code(world, anna, open_as, javascript):
    world.sweep(anna.occasions.get(key="week2").opens_at)
    code = world.messages(anna)["week2:ask"].split()[-1].rstrip(".")
    look = assert_good if javascript else lambda _: None  # axe itself is a script
    page = open_as(viewport=PHONE, java_script_enabled=javascript)
    page.goto("/q")
    look(page)
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Continue").click()
    read_through(page, look)
    assert page.url.endswith(reverse("followup:done"))
    page.goto(reverse("portal:home"))
    assert reverse("portal:login") in page.url


def test_a_coordinator_decides_about_a_reply_and_records_a_call(world, anna, open_as):
    for week in (1, 2):
        world.sweep(world.week(anna, week).opens_at)
    world.hear(anna, "3-4, mest 4")
    page = open_as(world.coordinator, viewport=DESK)
    page.goto(reverse("admin:followup_unclearreply_changelist"))
    assert_good(page)
    page.get_by_role("link", name=anna.study_id).click()
    assert_good(page)
    page.get_by_role("button", name="Record the decision").click()
    assert_good(page)  # what is missing is said
    page.get_by_label("It says how many days").check()
    page.get_by_label("How many days?").fill("4")
    page.get_by_label("Why do you read it so?").fill("Mostly four")
    page.get_by_role("button", name="Record the decision").click()
    assert page.get_by_text("Nothing waits").is_visible()
    assert hasattr(UnclearReply.objects.get(), "resolution")

    page.goto(reverse("admin:followup_call_record", args=[anna.pk]))
    assert_good(page)
    page.get_by_label("Talked, and got answers").check()
    page.get_by_label("Days in week 1").fill("2,5")
    page.get_by_role("button", name="Record the call").click()
    page.goto(reverse("admin:followup_weeks", args=[anna.pk]))
    assert_good(page)
    page.get_by_role("link", name="Correct week 1").click()
    assert_good(page)
    page.goto(reverse("admin:followup_call_worklist"))
    assert_good(page)
