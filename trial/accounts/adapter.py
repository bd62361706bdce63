"""How allauth behaves here: for staff only, and by invitation."""

import base64

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from trial.accounts.models import User
from trial.accounts.permissions import Permission


class StaffAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody signs up: a member of staff is invited from the office."""
        return False

    def reauthenticate(self, user: User, password: str) -> bool:
        """Whether it is this user's password; wrong tries count towards the limit of the log-in."""
        found = self.authenticate(context.request, email=user.email, password=password)
        return found is not None and found.pk == user.pk

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """The office, the cases, or the page that tells which rooms there are."""
        if request.user.has_perm(Permission.VIEW_OFFICE):
            return reverse("admin:index")
        if request.user.has_perm(Permission.VIEW_CASE):
            return reverse("expertteam:cases")
        return reverse("accounts:rooms")


class SecondStepAdapter(DefaultMFAAdapter):
    """Keeps the secrets of authenticator apps encrypted, under a key derived from SECRET_KEY."""

    def encrypt(self, text: str) -> str:
        return _fernet().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _fernet().decrypt(encrypted_text.encode()).decode()


def _fernet() -> Fernet:
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"tilbake second step")
    return Fernet(base64.urlsafe_b64encode(derive.derive(settings.SECRET_KEY.encode())))
