"""The read log in words: what was read, which details, and the reasons that the product gives by itself."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

WHOLE: dict[str, Promise] = {
    "identity": gettext_lazy("identity"),
    "arm": gettext_lazy("arm"),
    "incoming message": gettext_lazy("incoming message"),
}
"""What is read of one participant."""

BEGINNINGS: dict[str, Promise] = {
    "arms of ": gettext_lazy("arms of a trial"),
    "envelopes of ": gettext_lazy("envelopes of a trial"),
    "snapshot ": gettext_lazy("snapshot"),
}
"""What is read of a whole trial; its name follows."""

FIELDS: dict[str, Promise] = {
    "name": gettext_lazy("name"),
    "phone": gettext_lazy("phone"),
    "email": gettext_lazy("e-mail"),
    "postal_code": gettext_lazy("postal code"),
    "identity_number": gettext_lazy("identity number"),
    "arm": gettext_lazy("arm"),
    "body": gettext_lazy("text"),
    "all": gettext_lazy("everything"),
}

REASONS: dict[str, Promise] = {
    "found by phone": gettext_lazy("found by phone"),
    "searched by phone, nobody found": gettext_lazy("searched by phone, nobody found"),
    "randomized now": gettext_lazy("randomized now"),
    "To decide what an unclear reply says": gettext_lazy("To decide what an unclear reply says"),
    "snapshot": gettext_lazy("for a snapshot"),
    "to print envelopes": gettext_lazy("to print envelopes"),
    "download": gettext_lazy("download"),
}
"""What the log keeps where nobody is asked for a reason; whatever else stands there was typed."""


def what_in_words(what: str) -> str:
    """What was read; the log's own word for what has no name."""
    for beginning, name in BEGINNINGS.items():
        if what.startswith(beginning):
            return f"{name}: {what.removeprefix(beginning)}"
    return str(WHOLE.get(what, what))


def fields_in_words(fields: list[str]) -> str:
    return ", ".join(str(FIELDS.get(field, field)) for field in fields)


def reason_in_words(reason: str) -> str:
    return str(REASONS.get(reason, reason))


def kinds() -> list[tuple[str, str]]:
    """Beginnings of what the log calls the known kinds, each with its name."""
    return [(word, str(name)) for word, name in (WHOLE | BEGINNINGS).items()]
