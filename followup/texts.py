"""Fills the protocol's message texts."""

from datetime import date, timedelta

from django.conf import settings

from trial.protocol.schema import Text

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
LAST_DAY_OF_WEEK = timedelta(days=6)


def weekly_text(text: Text, *, language: str, week_start: date) -> str:
    """A question or reminder about the seven days from `week_start`."""
    return fill(
        text.in_(language),
        {"from": day_in(language, week_start), "to": day_in(language, week_start + LAST_DAY_OF_WEEK)},
    )


def questionnaire_text(text: Text, *, language: str, code: str) -> str:
    """An invitation that works without a link: an address short enough to type, and a code."""
    address = settings.PUBLIC_BASE_URL.removeprefix("https://").removeprefix("http://") + "/q"
    return fill(text.in_(language), {"address": address, "code": code})


def fill(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def day_in(language: str, day: date) -> str:
    """A day as people write it in an SMS; plain characters, so that the message stays in one part."""
    if language == "en":
        return f"{day.day} {MONTHS[day.month - 1]}"
    return f"{day.day}/{day.month}" if language == "sv" else f"{day.day}.{day.month}."
