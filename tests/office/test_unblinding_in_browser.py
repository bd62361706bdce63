"""Emergency unblinding as people see it: on a phone, by axe's rules, with a passkey as the second step."""

import pytest
from django.urls import reverse

from randomization.unblindings import unblindings_of
from tests.browsers import DESK, PHONE, add_passkey, assert_good, photograph
from tests.factories import make_user
from tests.office.conftest import PASSWORD
from tests.randomization.test_unblinding import WHY, make_blinded, randomized_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def pictures(page, name):
    """By axe's rules on a phone; and pictures for people, there and on a desk."""
    assert_good(page)
    photograph(page, f"{name}-phone")
    page.set_viewport_size(DESK)
    photograph(page, f"{name}-desk")
    page.set_viewport_size(PHONE)


def test_two_people_unblind_one_participant_with_passkeys(open_as):
    guarded = make_blinded("guarded", second_person=True)
    asker, colleague = (make_user("coordinator", trial=guarded, password=PASSWORD) for _ in range(2))
    participant = randomized_in(guarded)
    address = reverse("admin:people_participant_unblind", args=[participant.pk])
    page = open_as(asker)
    page.goto(address)
    pictures(page, "unblind-without-second-step")
    add_passkey(page)
    page.goto(address)
    pictures(page, "unblind-ask")
    page.get_by_label("Why must you know the group now?").fill(WHY)
    page.get_by_label("Your password").fill(PASSWORD)
    confirm(page)
    page.get_by_text("Waits for somebody else").wait_for()
    pictures(page, "unblinding-waits")

    other = open_as(colleague)
    add_passkey(other)
    other.goto("/office/")
    pictures(other, "unblind-dashboard")
    other.get_by_role("link", name=participant.study_id).click()
    pictures(other, "unblind-decide")
    other.get_by_label("Show the group to whoever asks").check()
    other.get_by_label("Your password").fill(PASSWORD)
    confirm(other)
    other.get_by_text("Your decision is recorded.").wait_for()
    assert unblindings_of(participant)[0].is_released

    page.reload()
    pictures(page, "unblinding-released")
    page.get_by_label("Your password").fill(PASSWORD)
    confirm(page)
    page.locator(".of-arm").wait_for()
    pictures(page, "unblinding-arm")
    page.goto(reverse("admin:people_participant_change", args=[participant.pk]))
    pictures(page, "unblinded-participant")
    monitor = open_as(make_user("monitor", trial=guarded))
    monitor.goto(reverse("randomization:unblindings", args=[guarded.slug]))
    pictures(monitor, "unblindings")


def confirm(page):
    page.get_by_role("button", name="Confirm with a passkey instead").click()
