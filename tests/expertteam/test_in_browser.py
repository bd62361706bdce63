import uuid
from datetime import timedelta

import pytest

from expertteam import services
from tests.browsers import DESK, PHONE, assert_good, photograph
from tests.factories import make_case, make_expert, make_trial, seal
from trial.core.clock import now as present

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def case():
    trial = make_trial()
    seal(trial)
    return make_case(trial, complaint="mind")


@pytest.fixture
def alice(case):
    return make_expert(case, lead=True)


@pytest.mark.parametrize(("size", "name"), [(PHONE, "phone"), (DESK, "desk")])
def test_an_expert_works_through_a_case(open_as, case, alice, size, name):
    now = present()
    services.plan_meeting(
        case=case,
        starts_at=now + timedelta(days=1),
        minutes=45,
        video_url="https://video.example/room",
        by=alice,
        now=now,
    )
    services.save_advice(
        case=case, thread=uuid.uuid4(), based_on=0, text="You can ask for a higher desk.", by=alice, now=now
    )
    page = open_as(alice, viewport=size)
    page.goto("/cases/")
    assert_good(page)
    page.get_by_role("link", name=case.participant.study_id).click()
    assert_good(page)

    page.get_by_role("link", name="Write a note").click()
    page.get_by_label("Text").fill("Talked with the GP.\n\n- Sleeps badly\n- The employer is positive")
    assert_good(page)
    page.get_by_role("button", name="Save and sign").click()
    page.get_by_text("The employer is positive").wait_for()

    page.get_by_role("link", name="Go on and sign").click()
    assert_good(page)
    page.get_by_role("button", name="Sign and give to the participant").click()
    page.get_by_text("The participant can read it").wait_for()
    assert_good(page)
    photograph(page, f"case-{name}")

    for link in ("Who is this?", "Enter working time", "Plan a meeting", "Change the team"):
        page.get_by_role("link", name=link).click()
        assert_good(page)
        page.get_by_role("link", name=case.participant.study_id).click()


def test_the_case_is_worked_through_without_javascript(open_as, case, alice):
    page = open_as(alice, viewport=PHONE, java_script_enabled=False)
    page.goto(f"/cases/{case.participant.study_id}/notes/")
    page.get_by_label("Text").fill("Without a script.")
    page.get_by_role("button", name="Save and sign").click()
    page.get_by_text("Without a script.").wait_for()
