"""Forms that ask staff who they are."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from allauth.core import context
from django import forms
from django.utils.translation import gettext_lazy as _

from trial.accounts import passkeys
from trial.accounts.errors import PasswordRefused, TooManyTries
from trial.accounts.models import User
from trial.accounts.services import confirm_password


class ConfirmForm(forms.Form):
    """Valid when the user's password was typed, or one of their passkeys signed what this page asked of it.

    Wrong passwords are counted and soon lock the field. Passkeys are offered to those who have one, on the
    page that is answered at the moment; it sends the form to its own address.
    """

    template_name = "forms/confirm.html"

    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        error_messages={"required": _("Write your password.")},
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    credential = forms.JSONField(required=False, widget=forms.HiddenInput)

    def __init__(self, user: User, data: Mapping[str, Any] | None = None, *, now: datetime) -> None:
        super().__init__(data)
        self._user = user
        self._now = now
        self.offers_passkey = context.request is not None and passkeys.has_passkey(user)
        if not self.offers_passkey:
            del self.fields["credential"]
        elif self.is_bound and self.data.get("credential"):
            self.fields["password"].required = False

    @property
    def passkey_options(self) -> dict[str, Any]:
        """A new challenge for the page that is being drawn."""
        return passkeys.challenge(context.request, self._user)

    def clean_password(self) -> str:
        password = str(self.cleaned_data["password"])
        if not password:
            return password
        try:
            confirm_password(user=self._user, password=password, now=self._now)
        except (PasswordRefused, TooManyTries) as error:
            raise forms.ValidationError(str(error)) from error
        return password

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        credential = cleaned.get("credential")
        if cleaned.get("password") or self.errors:
            return cleaned
        if not passkeys.is_answered(context.request, self._user, credential):
            self.add_error("password", _("The passkey was not accepted. Try again, or use your password."))
        return cleaned
