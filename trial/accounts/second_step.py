"""A form that asks for the password and a second step now: for what nobody may do at a screen left open."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from allauth.core import context
from allauth.mfa.base.forms import ReauthenticateForm
from allauth.mfa.utils import is_mfa_enabled
from django import forms
from django.utils.translation import gettext_lazy as _

from trial.accounts import passkeys
from trial.accounts.forms import ConfirmForm
from trial.accounts.models import User


def has_second_step(user: User) -> bool:
    return bool(is_mfa_enabled(user))


class ConfirmTwiceForm(ConfirmForm):
    """The password, and a passkey or a code: of the authenticator app, or a recovery code.

    allauth counts wrong codes. Nobody without a second step gets through.
    """

    code = forms.CharField(
        label=_("Code from your authenticator app"),
        help_text=_("Or a recovery code."),
        max_length=20,
        error_messages={"required": _("Write the code.")},
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "class": "tb-short"}),
    )

    def __init__(self, user: User, data: Mapping[str, Any] | None = None, *, now: datetime) -> None:
        super().__init__(user, data, now=now)
        self.fields["password"].required = True
        self.fields["code"].required = not (self.offers_passkey and self.data.get("credential"))

    def clean(self) -> dict[str, Any]:
        """The second step is looked at last, since it is good for one time only."""
        cleaned = super().clean()
        if not self.errors and not self._is_second_step(cleaned):
            self.add_error("code", _("This was not accepted. Wait for the next code, then try again."))
        return cleaned

    def _is_second_step(self, cleaned: dict[str, Any]) -> bool:
        if credential := cleaned.get("credential"):
            return passkeys.is_answered(context.request, self._user, credential)
        second = ReauthenticateForm(user=self._user, data={"code": cleaned["code"]})
        if valid := bool(second.is_valid()):
            second.save()
        return valid
