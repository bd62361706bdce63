"""Opens sealed texts."""

from trial.messaging.models import Inbound, Message
from trial.people.identity import vault


def message_body(message: Message | Inbound) -> str:
    """The text. For sending, parsing and the participant's own page; staff go through `services.reading`."""
    return vault.open_of(message, "body")
