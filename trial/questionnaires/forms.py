"""Items as a Django form: the same for the eligibility questions and for every questionnaire."""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from trial.people.identity import NotReadable, normalise_postal_code
from trial.protocol.schema import Item, Kind

LONGEST_TEXT = 2000
"""Letters of a free text whose item names no maximum."""

ONE_LINE = 200
"""Texts at most this long are written on one line."""

WRITTEN_NUMBER = re.compile(r"[+-]?[0-9]{1,9}(\.[0-9]{0,6})?")

NOT_ANSWERED = {"required": gettext_lazy("Answer this question to go on.")}
NOT_CHOSEN = {
    "required": gettext_lazy("Choose the answer that fits best."),
    "invalid_choice": gettext_lazy("Choose one of the answers below."),
}
NONE_CHOSEN = NOT_CHOSEN | {"required": gettext_lazy("Choose at least one answer.")}


class NumberField(forms.Field):
    """A number as people write it: "3", "2,5", "1 000". Whole ones become int, others float."""

    widget = forms.TextInput

    def __init__(self, item: Item, **options: Any) -> None:
        self.item = item
        super().__init__(**options)
        self.widget.attrs |= {
            "inputmode": "decimal" if item.step % 1 else "numeric",
            "autocomplete": "off",
            "size": "6",
        }

    def to_python(self, value: Any) -> int | float | None:
        text = re.sub(r"\s", "", str(value or "")).replace(",", ".").replace("\N{MINUS SIGN}", "-")
        if not text:
            return None
        if not WRITTEN_NUMBER.fullmatch(text):
            raise ValidationError(_("Write a number, such as %(example)s.") % {"example": self._example()})
        number = Decimal(text)
        self._check(number)
        return float(number) if self.item.step % 1 else int(number)

    def prepare_value(self, value: Any) -> Any:
        return number_format(value) if isinstance(value, (int, float)) else value

    def _example(self) -> str:
        return number_format((self.item.minimum or Decimal(0)) + 3 * self.item.step)

    def _check(self, number: Decimal) -> None:
        item = self.item
        if item.minimum is not None and number < item.minimum:
            raise ValidationError(_("Write %(number)s or more.") % {"number": number_format(item.minimum)})
        if item.maximum is not None and number > item.maximum:
            raise ValidationError(_("Write %(number)s or less.") % {"number": number_format(item.maximum)})
        if (number - (item.minimum or 0)) % item.step:
            if item.step == 1:
                raise ValidationError(_("Write a whole number, without decimals."))
            raise ValidationError(
                _("Write a number in steps of %(step)s.") % {"step": number_format(item.step)}
            )


class AnswersField(forms.MultipleChoiceField):
    """Any number of options, of which some exclude all others: `alone` holds their words by value."""

    def __init__(self, *, alone: Mapping[str, str], **options: Any) -> None:
        self.alone = alone
        super().__init__(widget=forms.CheckboxSelectMultiple, **options)

    def clean(self, value: Any) -> list[str] | None:
        chosen = super().clean(value)
        excluding = [words for one, words in self.alone.items() if one in chosen]
        if excluding and len(chosen) > 1:
            raise ValidationError(
                _("“%(answer)s” does not go with other answers.") % {"answer": excluding[0]}
            )
        return chosen or None


class DayField(forms.DateField):
    """A date, stored as "YYYY-MM-DD"."""

    def __init__(self, **options: Any) -> None:
        formats = ["%Y-%m-%d", "%d.%m.%Y", "%d.%m.%y", "%d/%m/%Y", "%d-%m-%Y"]
        widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
        super().__init__(input_formats=formats, widget=widget, **options)

    def clean(self, value: Any) -> str | None:
        day: date | None = super().clean(value)
        return day.isoformat() if day else None


class PostalCodeField(forms.CharField):
    """A postal code as the country (NO, SE) writes it, stored without spaces."""

    def __init__(self, country: str, **options: Any) -> None:
        self.country = country
        attrs = {"inputmode": "numeric", "autocomplete": "postal-code", "size": "6"}
        super().__init__(widget=forms.TextInput(attrs=attrs), **options)

    def to_python(self, value: Any) -> str:
        typed = super().to_python(value) or ""
        try:
            return normalise_postal_code(typed, self.country) if typed else ""
        except NotReadable as unreadable:
            raise ValidationError(str(unreadable)) from unreadable


class ItemsForm(forms.Form):
    """A form made of items. Nothing is chosen beforehand; what was answered before is shown."""

    use_required_attribute = False

    def __init__(
        self,
        items: Iterable[Item],
        language: str,
        country: str,
        answers: Mapping[str, Any],
        data: Mapping[str, Any] | None,
    ) -> None:
        self.items = tuple(items)
        initial = {item.key: _as_chosen(item, answers.get(item.key)) for item in self.items}
        super().__init__(data, initial=initial)
        for item in self.items:
            self.fields[item.key] = _field(item, language, country)

    def answers(self) -> dict[str, Any]:
        """The answers of a valid form, as they are stored; without those that were left open."""
        values = {item.key: self.cleaned_data.get(item.key) for item in self.items}
        return {key: value for key, value in values.items() if value not in (None, "", [])}

    @property
    def asked(self) -> tuple[str, ...]:
        """Keys of the items on the page."""
        return tuple(item.key for item in self.items)

    @property
    def unreadable(self) -> tuple[str, ...]:
        """Keys of the items where something was answered that we could not read; not those left open."""
        errors = self.errors.as_data()
        return tuple(
            key for key in self.asked if any(error.code != "required" for error in errors.get(key, ()))
        )


def items_form(
    items: Iterable[Item],
    language: str,
    answers: Mapping[str, Any],
    data: Mapping[str, Any] | None = None,
    *,
    country: str,
) -> ItemsForm:
    """The form for the items of one step; leave out those that are hidden (`branching.shown_items`).

    `country` is the trial's (NO, SE): it decides what a postal code looks like.
    """
    return ItemsForm(items, language, country, answers, data)


def _as_chosen(item: Item, answer: Any) -> Any:
    """A stored answer as its field shows it."""
    if item.kind == Kind.YES_NO and answer is not None:
        return "yes" if answer else "no"
    return answer


def _field(item: Item, language: str, country: str) -> forms.Field:
    options: dict[str, Any] = {
        "label": item.label.in_(language),
        "help_text": _help(item, language),
        "required": item.required,
        "error_messages": NOT_ANSWERED,
    }
    choices = [(option.value, option.label.in_(language)) for option in item.options]
    match item.kind:
        case Kind.SINGLE:
            return forms.ChoiceField(
                **options | {"error_messages": NOT_CHOSEN}, choices=choices, widget=forms.RadioSelect
            )
        case Kind.MULTIPLE:
            alone = {option.value: option.label.in_(language) for option in item.options if option.alone}
            return AnswersField(**options | {"error_messages": NONE_CHOSEN}, choices=choices, alone=alone)
        case Kind.YES_NO:
            return _yes_no(options)
        case Kind.SCALE:
            return _scale(item, options)
        case Kind.NUMBER:
            return NumberField(item, **options)
        case Kind.DATE:
            return DayField(**_with_error(options, "invalid", _("Write the date as day.month.year.")))
        case Kind.POSTAL_CODE:
            return PostalCodeField(country, **options)
        case Kind.TEXT:
            return _text(item, options)


def _help(item: Item, language: str) -> str:
    """The item's help, what the ends of a scale mean, and what a number counts."""
    parts = [item.help.in_(language)] if item.help else []
    if item.low and item.high:
        ends = {
            "least": number_format(item.minimum or 0),
            "low": item.low.in_(language),
            "most": number_format(item.maximum or 0),
            "high": item.high.in_(language),
        }
        parts.append(_("%(least)s means “%(low)s”, %(most)s means “%(high)s”.") % ends)
    if item.unit:
        parts.append(_("Answer in %(unit)s.") % {"unit": item.unit.in_(language)})
    return " ".join(parts)


def _yes_no(options: dict[str, Any]) -> forms.Field:
    return forms.TypedChoiceField(
        **options | {"error_messages": NOT_CHOSEN},
        choices=[("yes", _("Yes")), ("no", _("No"))],
        coerce=lambda value: value == "yes",
        empty_value=None,
        widget=forms.RadioSelect,
    )


def _scale(item: Item, options: dict[str, Any]) -> forms.Field:
    points = range(int(item.minimum or 0), int(item.maximum or 0) + 1)
    return forms.TypedChoiceField(
        **options | {"error_messages": NOT_CHOSEN},
        choices=[(str(point), str(point)) for point in points],
        coerce=int,
        empty_value=None,
        widget=forms.RadioSelect(attrs={"data-scale": ""}),
    )


def _text(item: Item, options: dict[str, Any]) -> forms.Field:
    longest = int(item.maximum or LONGEST_TEXT)
    widget = forms.TextInput if longest <= ONE_LINE else forms.Textarea(attrs={"rows": 4})
    too_long = _("Shorten the text to at most %(limit_value)d characters; it has %(show_value)d.")
    return forms.CharField(**_with_error(options, "max_length", too_long), max_length=longest, widget=widget)


def _with_error(options: dict[str, Any], code: str, message: str) -> dict[str, Any]:
    return options | {"error_messages": {**options["error_messages"], code: message}}
