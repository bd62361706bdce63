"""Answers in words, for review pages, summaries and copies."""

from datetime import date
from typing import Any

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import override

from trial.protocol.schema import Item, Kind


def answer_text(item: Item, value: Any, language: str) -> str:
    """An answer as the person who gave it would read it; "Not answered" where there is none."""
    with override(language):
        if value is None:
            return _("Not answered")
        match item.kind:
            case Kind.SINGLE | Kind.MULTIPLE:
                labels = {option.value: option.label.in_(language) for option in item.options}
                chosen: list[str] = value if isinstance(value, list) else [value]
                return ", ".join(labels.get(one, one) for one in chosen)
            case Kind.YES_NO:
                return _("Yes") if value else _("No")
            case Kind.DATE:
                return date_format(date.fromisoformat(value))
            case Kind.NUMBER | Kind.SCALE:
                unit = f" {item.unit.in_(language)}" if item.unit else ""
                return f"{number_format(value)}{unit}"
        return str(value)
