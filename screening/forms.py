"""The forms of consent and contact details; those of the questions come from `trial.questionnaires`."""

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from screening.document import Document
from trial.people.identity import (
    NotReadable,
    normalise_email,
    normalise_name,
    normalise_phone,
    normalise_postal_code,
)
from trial.people.models import Site
from trial.protocol.schema import Protocol

SITES_SHOWN_AS_BUTTONS = 6


class ConsentForm(forms.Form):
    """One box for each thing agreed to, none ticked beforehand, and the name that signs."""

    shown = forms.CharField(widget=forms.HiddenInput)
    """Hash of the document that the page showed."""

    def __init__(self, document: Document, data: Any = None) -> None:
        super().__init__(data, initial={"shown": document.sha256})
        self.document = document
        for tick in document.ticks:
            self.fields[f"tick_{tick.key}"] = forms.BooleanField(
                label=tick.label,
                required=tick.required,
                error_messages={"required": _("You can take part only if you agree to this.")},
            )
        self.fields["name"] = NormalisedField(
            normalise_name,
            label=_("Your full name"),
            help_text=_("By typing your name you sign this consent."),
            max_length=200,
            widget=forms.TextInput(attrs={"autocomplete": "name"}),
            error_messages={"required": _("Type your full name to sign.")},
        )

    @property
    def ticks(self) -> dict[str, bool]:
        return {tick.key: self.cleaned_data[f"tick_{tick.key}"] for tick in self.document.ticks}


class NormalisedField(forms.CharField):
    """Text in the one written form that `normalise` gives it."""

    def __init__(self, normalise: Callable[[str], str], **options: Any) -> None:
        super().__init__(**options)
        self.normalise = normalise

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        if not text:
            return ""
        try:
            return self.normalise(text)
        except NotReadable as unreadable:
            raise forms.ValidationError(str(unreadable)) from unreadable


def phone_field(region: str) -> NormalisedField:
    return NormalisedField(
        lambda raw: normalise_phone(raw, region),
        label=_("Mobile phone"),
        max_length=30,
        help_text=_("We send the study's messages to this number."),
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "class": "tb-short"}),
        error_messages={"required": _("Write your mobile phone number.")},
    )


class PhoneForm(forms.Form):
    """A phone alone."""

    def __init__(self, region: str, data: Any = None) -> None:
        super().__init__(data)
        self.fields["phone"] = phone_field(region)


class ContactForm(PhoneForm):
    """What the protocol asks for to reach a participant, and the place where they take part."""

    def __init__(
        self,
        protocol: Protocol,
        sites: Sequence[Site],
        *,
        language: str,
        normalise_number: Callable[[str], str],
        site: Site | None = None,
        postal_code: str = "",
        data: Any = None,
    ) -> None:
        super().__init__(protocol.country, data)
        asked = protocol.contact_details
        if len(sites) > 1:
            self.fields = {"site": _site_field(sites, site)} | self.fields
        if asked.email != "none":
            self.fields["email"] = NormalisedField(
                normalise_email,
                label=_("E-mail"),
                required=asked.email == "required",
                max_length=254,
                widget=forms.TextInput(attrs={"type": "email", "autocomplete": "email"}),
                error_messages={"required": _("Write your e-mail address.")},
            )
        if asked.postal_code != "none":
            self.fields["postal_code"] = NormalisedField(
                lambda raw: normalise_postal_code(raw, protocol.country),
                label=_("Postal code"),
                required=asked.postal_code == "required",
                initial=postal_code,
                max_length=12,
                widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "postal-code"}),
                error_messages={"required": _("Write your postal code.")},
            )
        if asked.identity_number != "none":
            why = asked.identity_number_why
            self.fields["identity_number"] = NormalisedField(
                normalise_number,
                label=_("National identity number"),
                help_text=why.in_(language) if why else "",
                max_length=20,
                widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
                error_messages={"required": _("Write your national identity number.")},
            )


def _site_field(sites: Sequence[Site], chosen: Site | None) -> forms.ModelChoiceField:
    few = len(sites) <= SITES_SHOWN_AS_BUTTONS
    return forms.ModelChoiceField(
        Site.objects.filter(pk__in=[site.pk for site in sites]),
        label=_("Which of these places do you belong to?"),
        initial=chosen,
        empty_label=None if few else _("Choose a place"),
        widget=forms.RadioSelect if few else forms.Select,
        error_messages={
            "required": _("Choose the place that you belong to."),
            "invalid_choice": _("This place does not take in new participants now. Choose another one."),
        },
    )


class CodeForm(forms.Form):
    """The code from an SMS."""

    code = forms.CharField(
        label=_("Code from the SMS"),
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "spellcheck": "false"}),
        error_messages={"required": _("Write the code from the SMS.")},
    )
