"""The pages of the log-in as people see them: on a phone, by axe's rules, through the whole second step."""

import pytest
from allauth.mfa.models import Authenticator
from django.urls import reverse

from tests.accounts.conftest import PASSWORD
from tests.accounts.test_login import code
from tests.browsers import add_passkey, assert_good, photograph
from tests.factories import make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def log_in(page, user):
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(user.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()


def test_a_new_member_of_staff_logs_in_and_sets_up_the_second_step(open_as, settings):
    settings.REQUIRE_MFA = True
    user = make_user("system_administrator", password=PASSWORD)
    page = open_as()
    page.goto("/accounts/login/")
    assert_good(page)
    photograph(page, "login-phone")
    page.get_by_role("button", name="Log in", exact=True).click()
    assert_good(page)
    log_in(page, user)
    assert page.url.endswith(reverse("mfa_index"))
    assert_good(page)
    page.get_by_role("link", name="Activate").click()
    assert_good(page)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    assert_good(page)
    photograph(page, "second-step-phone")
    secret = page.locator("input[disabled], input[readonly], #authenticator_secret").first.input_value()
    page.get_by_label("Authenticator code").fill(code(secret))
    page.get_by_role("button", name="Activate").click()
    page.goto("/accounts/2fa/recovery-codes/")
    assert_good(page)
    assert Authenticator.objects.filter(user=user, type="totp").exists()
    page.goto("/office/")
    assert page.url.endswith("/office/")


@pytest.mark.parametrize(
    "name", ["account_reset_password", "account_reset_password_done", "account_inactive", "account_signup"]
)
def test_the_pages_before_the_log_in_are_good_on_a_phone(open_as, name):
    page = open_as()
    page.goto(reverse(name))
    assert_good(page)


@pytest.mark.parametrize("name", ["accounts:rooms", "account_change_password", "account_logout", "mfa_index"])
def test_the_pages_of_ones_own_account_are_good_on_a_phone(open_as, name):
    page = open_as(make_user("researcher", password=PASSWORD))
    page.goto(reverse(name))
    assert_good(page)


def test_a_passkey_is_added_and_logs_in(open_as):
    user = make_user("system_administrator", password=PASSWORD)
    page = open_as()
    log_in(page, user)
    add_passkey(page, check=assert_good)
    for name in ("mfa_list_webauthn", "mfa_reauthenticate_webauthn"):
        page.goto(reverse(name))
        assert_good(page)
    assert Authenticator.objects.filter(user=user, type="webauthn").exists()
    page.context.clear_cookies(name="sessionid")
    page.goto("/accounts/login/")
    page.get_by_role("button", name="Log in with a passkey").click()
    page.wait_for_url("**/office/")
