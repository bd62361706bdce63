"""Who confirms an act may do it with a passkey instead of the password: one challenge, one page, one time."""

import json

import pytest
from allauth.mfa.models import Authenticator
from django.urls import reverse

from randomization.selectors import is_allocated
from tests.accounts.conftest import PASSWORD
from tests.browsers import add_passkey, assert_good, photograph
from tests.factories import make_trial, make_user, make_verified_participant, seal

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def trial():
    trial = make_trial()
    seal(trial)
    return trial


@pytest.fixture
def coordinator(trial):
    return make_user("coordinator", trial=trial, password=PASSWORD)


def confirming(participant):
    return reverse("admin:people_participant_randomize", args=[participant.pk])


def press(page):
    page.get_by_role("button", name="Confirm with a passkey instead").click()


def test_somebody_randomizes_with_a_passkey_by_keyboard_alone(open_as, trial, coordinator):
    participant = make_verified_participant(trial, by=coordinator)
    page = open_as(coordinator)
    add_passkey(page)
    page.goto(confirming(participant))
    assert_good(page)
    photograph(page, "randomize-passkey-phone")
    page.get_by_label("Your password").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/allocation/")
    assert is_allocated(participant)
    key = Authenticator.objects.get(user=coordinator, type="webauthn")
    assert key.last_used_at is not None


def test_an_answer_confirms_one_page_once(open_as, trial, coordinator):
    one, other = (make_verified_participant(trial, by=coordinator) for _ in range(2))
    page = open_as(coordinator)
    add_passkey(page)
    page.goto(confirming(one))
    page.evaluate("() => { document.querySelector('[name=credential]').form.requestSubmit = () => {} }")
    press(page)
    page.wait_for_function("document.querySelector('[name=credential]').value")
    answer = page.locator("[name=credential]").input_value()
    page.goto(confirming(other))
    for participant in (other, one, one):
        submit_with(page, participant, answer)
    assert [is_allocated(participant) for participant in (one, other)] == [True, False]


def submit_with(page, participant, answer):
    """Send the answer for a page without opening it again: the challenge would be another one."""
    page.evaluate(
        """async ([address, answer]) => {
            const body = new URLSearchParams({credential: answer, password: ""});
            body.set("csrfmiddlewaretoken", document.querySelector("[name=csrfmiddlewaretoken]").value);
            const response = await fetch(address, {method: "POST", body});
            if (response.status >= 400) throw new Error(response.status);
        }""",
        [confirming(participant), answer],
    )


def test_a_passkey_that_does_not_answer_is_said_and_the_password_still_confirms(open_as, trial, coordinator):
    participant = make_verified_participant(trial, by=coordinator)
    page = open_as(coordinator)
    add_passkey(page)
    page.goto(confirming(participant))
    page.evaluate("() => { navigator.credentials.get = () => Promise.reject(new Error('cancelled')) }")
    press(page)
    page.get_by_text("The passkey did not answer.").wait_for()
    assert_good(page)
    page.get_by_label("Your password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/allocation/")


def test_what_no_passkey_signed_confirms_nothing(open_as, trial, coordinator):
    participant = make_verified_participant(trial, by=coordinator)
    page = open_as(coordinator)
    add_passkey(page)
    for answer in ("{}", "[]", "1", "not json", '{"id": "x", "response": {}}'):
        page.goto(confirming(participant))
        submit_with(page, participant, answer)
    assert not is_allocated(participant)


def test_without_a_passkey_none_is_offered_and_none_is_taken(client, trial, coordinator):
    participant = make_verified_participant(trial, by=coordinator)
    client.force_login(coordinator)
    assert b"passkey" not in client.get(confirming(participant)).content
    client.post(confirming(participant), {"credential": json.dumps({"id": "x"})})
    assert not is_allocated(participant)
