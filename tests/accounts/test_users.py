import re
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from tests.accounts.conftest import PASSWORD
from tests.factories import make_trial, make_user
from trial.accounts.errors import PasswordRefused, TooManyTries
from trial.accounts.forms import ConfirmForm
from trial.accounts.models import User
from trial.accounts.permissions import Permission
from trial.accounts.roles import ALL, BY_KEY
from trial.accounts.services import change_email, confirm_password, invite, send_invitation

pytestmark = pytest.mark.django_db


def test_an_address_is_known_in_any_spelling_and_only_once():
    user = User.objects.create_user(" Anna@Example.ORG ", name="Anna")
    assert User.objects.get_by_natural_key("ANNA@example.org") == user
    with pytest.raises(IntegrityError, match="user_email_unique"), transaction.atomic():
        User.objects.create_user("anna@example.org")
    with pytest.raises(IntegrityError, match="user_email_lower_case"), transaction.atomic():
        User.objects.create(email="Berit@example.org")


def test_nobody_may_everything():
    assert not any(role.permissions >= set(Permission) for role in ALL)
    assert not hasattr(User, "is_superuser")


def test_every_permission_is_in_some_role_and_every_role_has_its_key():
    assert frozenset().union(*(role.permissions for role in ALL)) == set(Permission)
    assert [BY_KEY[role.key] for role in ALL] == list(ALL)


@pytest.mark.parametrize(
    ("role", "never"),
    [
        ("researcher", {Permission.VIEW_ARM, Permission.READ_IDENTITY, Permission.VIEW_PARTICIPANT}),
        ("monitor", {Permission.VIEW_ARM, Permission.READ_IDENTITY, Permission.RANDOMIZE}),
        ("statistician", {Permission.READ_IDENTITY, Permission.VIEW_PARTICIPANT, Permission.RANDOMIZE}),
        ("coordinator", {Permission.VIEW_RANDOMIZATION_DESIGN, Permission.SEAL_LIST}),
        ("trial_manager", {Permission.VIEW_RANDOMIZATION_DESIGN, Permission.SEAL_LIST}),
        (
            "system_administrator",
            {Permission.VIEW_PARTICIPANT, Permission.READ_IDENTITY, Permission.VIEW_ARM},
        ),
    ],
)
def test_concealment_is_cut_into_the_roles(role, never):
    assert not BY_KEY[role].permissions & never


def test_permissions_come_from_memberships_and_end_with_the_user():
    trial = make_trial()
    user = make_user("coordinator", trial=trial)
    assert user.has_perm(Permission.RANDOMIZE, trial)
    assert user.is_staff
    assert not user.has_perm(Permission.RANDOMIZE, make_trial("other"))
    assert not user.has_perm("people.change_participant")
    user.is_active = False
    assert not user.has_perm(Permission.RANDOMIZE, trial)
    assert not make_user().is_staff


def test_the_right_password_confirms_and_forgets_the_wrong_ones(user, now):
    with pytest.raises(PasswordRefused):
        confirm_password(user=user, password="wrong", now=now)
    assert user.wrong_passwords.count() == 1
    confirm_password(user=user, password=PASSWORD, now=now)
    assert user.wrong_passwords.count() == 0


def test_five_wrong_passwords_lock_even_the_right_one_for_a_quarter_of_an_hour(user, now):
    for _ in range(5):
        with pytest.raises(PasswordRefused):
            confirm_password(user=user, password="wrong", now=now)
    with pytest.raises(TooManyTries):
        confirm_password(user=user, password=PASSWORD, now=now + timedelta(minutes=14))
    confirm_password(user=user, password=PASSWORD, now=now + timedelta(minutes=16))


def test_the_form_says_under_the_field_what_is_wrong(user, now):
    assert ConfirmForm(user, {"password": PASSWORD}, now=now).is_valid()
    form = ConfirmForm(user, {"password": "wrong"}, now=now)
    assert not form.is_valid()
    assert "password" in form.errors


def link_in(message):
    return re.search(r"http://127\.0\.0\.1:8000(/\S+)", message.body).group(1)


def test_an_invited_person_chooses_a_password_once_and_is_then_in(
    django_capture_on_commit_callbacks,
):
    with django_capture_on_commit_callbacks(execute=True):
        user = invite(email="new@example.org", name="New Person")
    assert not user.has_usable_password()
    (message,) = mail.outbox
    assert message.to == ["new@example.org"]
    client = Client()
    form = client.get(link_in(message), follow=True)
    address = form.redirect_chain[-1][0]
    done = client.post(address, {"password1": PASSWORD, "password2": PASSWORD})
    assert done.status_code == 302
    user.refresh_from_db()
    assert user.check_password(PASSWORD)
    again = Client().get(link_in(message), follow=True)
    assert again.context["token_fail"]


def test_a_weak_password_is_refused_at_the_invitation():
    user = make_user()
    send_invitation(user=user)
    client = Client()
    address = client.get(link_in(mail.outbox[0]), follow=True).redirect_chain[-1][0]
    refused = client.post(address, {"password1": "password", "password2": "password"})
    assert refused.status_code == 200
    assert refused.context["form"].errors


def test_an_old_address_opens_nothing_any_more(user):
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    old = user.email
    change_email(user=user, email="New@example.org")
    client = Client()
    client.post(reverse("account_reset_password"), {"email": old})
    assert [message.to for message in mail.outbox if link_or_none(message)] == []
    assert client.post(reverse("account_login"), {"login": old, "password": PASSWORD}).status_code == 200
    assert (
        client.post(reverse("account_login"), {"login": "new@example.org", "password": PASSWORD}).status_code
        == 302
    )


def link_or_none(message):
    return re.search(r"/password/reset/key/", message.body)


# --- the office's page of users ---


def test_a_trial_manager_invites_but_cannot_take_over_an_account(django_capture_on_commit_callbacks):
    manager = Client()
    manager.force_login(make_user("trial_manager", trial=make_trial()))
    with django_capture_on_commit_callbacks(execute=True):
        added = manager.post(
            reverse("admin:accounts_user_add"), {"name": "Kari", "email": "Kari@example.org"}
        )
    assert added.status_code == 302
    kari = User.objects.get(email="kari@example.org")
    assert mail.outbox[0].to == ["kari@example.org"]
    change = reverse("admin:accounts_user_change", args=[kari.pk])
    assert manager.get(change).status_code == 200
    assert manager.post(change, {"name": "Kari", "email": "mine@example.org"}).status_code == 403
    assert not User.objects.filter(email="mine@example.org").exists()


def test_the_system_administrator_changes_addresses_and_closes_accounts(logged_in):
    other = make_user()
    EmailAddress.objects.create(user=other, email=other.email, primary=True)
    address = reverse("admin:accounts_user_change", args=[other.pk])
    assert logged_in.post(address, {"name": "Anna", "email": "anna@example.org"}).status_code == 302
    other.refresh_from_db()
    assert (other.name, other.email, other.is_active) == ("Anna", "anna@example.org", False)
    assert not EmailAddress.objects.filter(user=other).exists()


def test_nobody_deletes_a_user(logged_in):
    other = make_user()
    assert (
        logged_in.post(reverse("admin:accounts_user_delete", args=[other.pk]), {"post": "yes"}).status_code
        == 403
    )
    assert User.objects.filter(pk=other.pk).exists()


def test_a_new_link_goes_to_those_who_may_log_in(logged_in):
    active, closed = make_user(), make_user()
    User.objects.filter(pk=closed.pk).update(is_active=False)
    logged_in.post(
        reverse("admin:accounts_user_changelist"),
        {"action": "send_link", "_selected_action": [active.pk, closed.pk]},
    )
    assert [message.to for message in mail.outbox] == [[active.email]]
