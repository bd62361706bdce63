"""Forms of the statistician's desk: a list's files, more places, and who confirms it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext_lazy as _

from randomization.designs.base import MOST_PLACES
from trial.accounts.forms import ConfirmForm
from trial.accounts.models import User
from trial.core.forms import WHOLE_NUMBER

EMPTY = _("This file is empty. Choose another one.")


class SealForm(ConfirmForm):
    """The list's file and its key where the list is made elsewhere (`imported`), and the confirmation."""

    list = forms.FileField(
        label=_("The list"),
        help_text=_("A CSV file of at most 2.5 MB: our own format, or REDCap's allocation table."),
        error_messages={"required": _("Choose a CSV file of at most 2.5 MB."), "empty": EMPTY},
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv", "autocomplete": "off"}),
    )
    key = forms.FileField(
        label=_("Its key, if the list has numbers instead of arms"),
        help_text=_("A second CSV file with the columns code and arm, for REDCap's blinded table."),
        required=False,
        error_messages={"empty": EMPTY},
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv", "autocomplete": "off"}),
    )
    as_it_is = forms.BooleanField(
        label=_("Take it although it is not as planned, for example shorter"), required=False
    )
    field_order = ("list", "key", "as_it_is")

    def __init__(
        self,
        user: User,
        data: Mapping[str, Any] | None = None,
        files: MultiValueDict[str, UploadedFile] | None = None,
        *,
        imported: bool,
        now: datetime,
    ) -> None:
        super().__init__(user, data, now=now)
        if files is not None:
            self.files = files
        if not imported:
            del self.fields["list"], self.fields["key"], self.fields["as_it_is"]

    @property
    def uploaded(self) -> dict[str, Any]:
        """The bytes of list and key, as services take them; they were never written to a disk."""
        files = {"imported": self.cleaned_data.get("list"), "key": self.cleaned_data.get("key")}
        return {name: file.read() if file else None for name, file in files.items()}


class ExtendForm(SealForm):
    """More places: a second file where the list was imported, else how many."""

    places = forms.IntegerField(
        label=_("Places in each stratum from now on"),
        min_value=1,
        max_value=MOST_PLACES,
        error_messages=WHOLE_NUMBER,
    )
    seen = forms.IntegerField(widget=forms.HiddenInput)
    field_order = ("list", "key", "places")

    def __init__(self, *whom_and_what: Any, imported: bool, seen: int, now: datetime) -> None:
        super().__init__(*whom_and_what, imported=imported, now=now)
        self.initial = {"seen": seen}
        self.fields.pop("as_it_is", None)
        if imported:
            self.fields["list"].label = _("The second file")
            del self.fields["places"]
