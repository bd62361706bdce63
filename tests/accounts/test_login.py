import pytest
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.core import mail
from django.test import Client
from django.urls import reverse

from tests.accounts.conftest import PASSWORD
from tests.factories import make_trial, make_user
from trial.accounts.models import User
from trial.audit.models import AuditEvent

pytestmark = pytest.mark.django_db

LOGIN = "/accounts/login/"


def log_in(user, password=PASSWORD, **query):
    client = Client()
    response = client.post(LOGIN, {"login": user.email, "password": password, **query})
    return client, response


def confirm(client):
    """What allauth asks before it touches the second step."""
    assert client.post("/accounts/reauthenticate/", {"password": PASSWORD}).status_code == 302


def code(secret):
    return format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))


@pytest.mark.parametrize(
    ("role", "lands"),
    [
        ("coordinator", "/office/"),
        ("expert", "/cases/"),
        ("statistician", "/accounts/rooms/"),
        ("researcher", "/accounts/rooms/"),
    ],
)
def test_each_role_lands_in_its_own_room(role, lands):
    user = make_user(role, trial=make_trial(), password=PASSWORD)
    client, response = log_in(user)
    assert response["Location"] == lands
    assert client.get(lands).status_code == 200


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(user):
    _, wrong = log_in(user, "wrong")
    _, unknown = log_in(User(email="nobody@example.org"), "wrong")
    assert wrong.status_code == unknown.status_code == 200
    assert wrong.context["form"].errors == unknown.context["form"].errors


def test_whoever_was_closed_out_does_not_get_in(user):
    User.objects.filter(pk=user.pk).update(is_active=False)
    client, _ = log_in(user)
    assert "_auth_user_id" not in client.session


def test_guessing_passwords_is_stopped(user):
    answers = [log_in(user, "wrong")[1] for _ in range(6)]
    assert answers[-1].status_code in (200, 429)
    _, right = log_in(user)
    assert right.status_code != 302


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_no_log_in_leads_to_another_server(user, target):
    _, response = log_in(user, next=target)
    assert response["Location"] == "/office/"


def test_a_log_in_leads_back_to_where_one_wanted_to_go(user):
    _, response = log_in(user, next="/office/accounts/user/")
    assert response["Location"] == "/office/accounts/user/"


def test_the_office_asks_at_our_own_log_in_page():
    response = Client().get("/office/", follow=True)
    assert response.redirect_chain[-1][0] == "/accounts/login/?next=%2Foffice%2F"


def test_logging_out_takes_a_click_and_ends_the_session(logged_in):
    assert logged_in.get("/accounts/logout/").status_code == 200
    assert "_auth_user_id" in logged_in.session
    assert logged_in.post("/accounts/logout/").status_code == 302
    assert "_auth_user_id" not in logged_in.session


def test_nobody_signs_up():
    before = User.objects.count()
    page = Client().get("/accounts/signup/")
    assert page.status_code == 200
    assert "form" not in page.context
    Client().post(
        "/accounts/signup/", {"email": "x@example.org", "password1": PASSWORD, "password2": PASSWORD}
    )
    assert User.objects.count() == before


@pytest.mark.parametrize("page", ["email/", "confirm-email/", "confirm-email/abc/"])
def test_nobody_changes_their_own_address(logged_in, page):
    assert logged_in.get(f"/accounts/{page}").status_code == 404
    assert logged_in.post(f"/accounts/{page}", {"email": "x@example.org"}).status_code == 404


def test_a_new_password_ends_the_other_sessions(user, logged_in):
    other, _ = log_in(user)
    changed = logged_in.post(
        "/accounts/password/change/",
        {"oldpassword": PASSWORD, "password1": "another long password", "password2": "another long password"},
    )
    assert changed.status_code == 302
    assert logged_in.get("/office/").status_code == 200
    assert other.get("/office/").status_code == 302


# --- the second step ---


def test_staff_without_a_second_step_are_sent_to_set_one_up(user, settings):
    settings.REQUIRE_MFA = True
    client, _ = log_in(user)
    for address in ("/office/", "/accounts/rooms/"):
        assert client.get(address)["Location"] == reverse("mfa_index")
    assert client.get(reverse("mfa_index")).status_code == 200
    assert client.get("/health/").status_code in (200, 503)
    assert client.post("/accounts/logout/").status_code == 302


def test_without_the_requirement_the_office_opens(user):
    client, _ = log_in(user)
    assert client.get("/office/").status_code == 200


def test_setting_up_an_authenticator_app_opens_the_office_and_keeps_its_secret_sealed(user, settings):
    settings.REQUIRE_MFA = True
    client, _ = log_in(user)
    assert client.get(reverse("mfa_activate_totp"))["Location"].startswith("/accounts/reauthenticate/")
    confirm(client)
    page = client.get(reverse("mfa_activate_totp"))
    secret = page.context["form"].secret
    done = client.post(reverse("mfa_activate_totp"), {"code": code(secret)})
    assert done.status_code == 302
    assert client.get("/office/").status_code == 200
    stored = Authenticator.objects.get(user=user, type="totp").data["secret"]
    assert secret not in stored
    assert get_adapter().decrypt(stored) == secret
    event = AuditEvent.objects.get(table_name="mfa_authenticator", new__type="totp", action="I")
    assert event.new["data"] == "[masked]"
    assert event.actor == f"user:{user.pk}"


def test_the_password_alone_is_not_enough_with_a_second_step(user):
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    client, response = log_in(user)
    assert response["Location"].startswith(reverse("mfa_authenticate"))
    assert client.get("/office/").status_code == 302
    assert client.post(reverse("mfa_authenticate"), {"code": "000000"}).status_code == 200
    assert client.post(reverse("mfa_authenticate"), {"code": code(secret)})["Location"] == "/office/"
    assert client.get("/office/").status_code == 200


def test_a_recovery_code_works_once(user):
    TOTP.activate(user, generate_totp_secret())
    recovery = RecoveryCodes.activate(user).get_unused_codes()[0]
    client, _ = log_in(user)
    assert client.post(reverse("mfa_authenticate"), {"code": recovery}).status_code == 302
    client, _ = log_in(user)
    assert client.post(reverse("mfa_authenticate"), {"code": recovery}).status_code == 200


def test_taking_the_second_step_away_asks_for_the_password_again(user, logged_in):
    TOTP.activate(user, generate_totp_secret())
    asked = logged_in.post(reverse("mfa_deactivate_totp"))
    assert asked["Location"].startswith(reverse("account_reauthenticate"))
    assert logged_in.post(asked["Location"], {"password": "wrong"}).status_code == 200
    assert Authenticator.objects.filter(user=user, type="totp").exists()
    assert logged_in.post(asked["Location"], {"password": PASSWORD}).status_code == 302
    assert not Authenticator.objects.filter(user=user, type="totp").exists()
    assert [message.to for message in mail.outbox] == [[user.email]]


PAGES = [
    "account_change_password",
    "accounts:rooms",
    "mfa_index",
    "mfa_activate_totp",
    "mfa_add_webauthn",
    "mfa_list_webauthn",
    "account_logout",
]


@pytest.mark.parametrize("name", PAGES)
def test_every_page_of_ones_own_account_is_in_our_frame(name, user):
    client, _ = log_in(user)
    confirm(client)
    page = client.get(reverse(name))
    assert page.status_code == 200
    assert b"tb-main" in page.content
    assert b"<h1" in page.content
    assert b"style=" not in page.content
    assert b"<script>" not in page.content


@pytest.mark.parametrize(
    "name",
    [
        "account_login",
        "account_reset_password",
        "account_reset_password_done",
        "account_inactive",
        "account_signup",
    ],
)
def test_every_page_before_the_log_in_is_in_our_frame(name):
    page = Client().get(reverse(name))
    assert page.status_code == 200
    assert b"tb-main" in page.content
    assert b"style=" not in page.content
