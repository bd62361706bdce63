"""Forms that ask staff who they are."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from trial.accounts.errors import PasswordRefused, TooManyTries
from trial.accounts.models import User
from trial.accounts.services import confirm_password


class ConfirmForm(forms.Form):
    """One password field; valid when the password is the user's. Wrong tries are counted and soon lock it."""

    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, user: User, data: Mapping[str, Any] | None = None, *, now: datetime) -> None:
        super().__init__(data)
        self._user = user
        self._now = now

    def clean_password(self) -> str:
        password = str(self.cleaned_data["password"])
        try:
            confirm_password(user=self._user, password=password, now=self._now)
        except (PasswordRefused, TooManyTries) as error:
            raise forms.ValidationError(str(error)) from error
        return password
