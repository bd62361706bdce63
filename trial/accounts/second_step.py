"""A form that asks for the password and a second step now: for what nobody may do at a screen left open."""

from typing import Any

from allauth.mfa.base.forms import ReauthenticateForm
from allauth.mfa.utils import is_mfa_enabled
from django import forms
from django.utils.translation import gettext_lazy as _

from trial.accounts.forms import ConfirmForm
from trial.accounts.models import User


def has_second_step(user: User) -> bool:
    return bool(is_mfa_enabled(user))


class ConfirmTwiceForm(ConfirmForm):
    """The password, and a code of the authenticator app or a recovery code; allauth counts wrong ones.

    Nobody without a second step gets through.
    """

    code = forms.CharField(
        label=_("Code from your authenticator app"),
        help_text=_("Or one of your recovery codes."),
        max_length=20,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "class": "tb-short"}
        ),
    )

    def clean(self) -> dict[str, Any]:
        """The code is looked at last, since it is good for one time only."""
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            second = ReauthenticateForm(user=self._user, data={"code": cleaned["code"]})
            if second.is_valid():
                second.save()
            else:
                self.add_error("code", _("This code is not valid now. Wait for the next one and try again."))
        return cleaned
