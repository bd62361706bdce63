"""Letting staff in, and asking them to show who they are."""

from datetime import datetime, timedelta

from allauth.account.app_settings import PASSWORD_RESET_TOKEN_GENERATOR
from allauth.account.models import EmailAddress
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from trial.accounts.errors import PasswordRefused, TooManyTries
from trial.accounts.models import User, WrongPassword

TRIES = 5
WINDOW = timedelta(minutes=15)


def confirm_password(*, user: User, password: str, now: datetime) -> None:
    """Make sure that it is `user` who sits there.

    Raises PasswordRefused, or TooManyTries after five wrong ones in a quarter of an hour. Never called inside
    a transaction: the record of a wrong try has to outlive whatever the caller then does.
    """
    with transaction.atomic(durable=True):
        User.objects.select_for_update().get(pk=user.pk)  # one try at a time
        if user.wrong_passwords.filter(at__gt=now - WINDOW).count() >= TRIES:
            raise TooManyTries(_("Too many wrong passwords. Wait a quarter of an hour, then try again."))
        if right := user.check_password(password):
            user.wrong_passwords.all().delete()
        else:
            WrongPassword.objects.create(user=user, at=now)
    if not right:
        raise PasswordRefused(_("This is not your password. Try again."))


@transaction.atomic
def invite(*, email: str, name: str) -> User:
    """A new member of staff, who gets a link by e-mail with which they choose a password."""
    user = User.objects.create_user(email, name=name)
    transaction.on_commit(lambda: send_invitation(user=user))
    return user


def send_invitation(*, user: User) -> None:
    """Mail the link; sent again, the older link works until one of them is used."""
    context = {"user": user, "link": invitation_link(user)}
    subject = render_to_string("account/email/invitation_subject.txt", context)
    body = render_to_string("account/email/invitation_message.txt", context)
    send_mail(" ".join(subject.split()), body, None, [user.email])


def invitation_link(user: User) -> str:
    """Where the user chooses a password; opens once, for `settings.PASSWORD_RESET_TIMEOUT` seconds."""
    key = PASSWORD_RESET_TOKEN_GENERATOR().make_token(user)
    path = reverse("account_reset_password_from_key", kwargs={"uidb36": user_pk_to_url_str(user), "key": key})
    return f"{settings.PUBLIC_BASE_URL}{path}"


@transaction.atomic
def change_email(*, user: User, email: str) -> None:
    """From now on the user logs in with `email`; the old address opens nothing any more."""
    user.email = email.strip().lower()
    user.save(update_fields=["email"])
    EmailAddress.objects.filter(user=user).delete()
