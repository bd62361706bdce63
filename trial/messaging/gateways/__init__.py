"""What the product asks of an SMS provider, and which one it uses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Protocol
from uuid import UUID

from django.conf import settings


@dataclass(frozen=True)
class Sent:
    """The provider took the message and calls it by this id."""

    provider_id: str


class GatewayError(Exception):
    """A send that did not end with an id. `code` is short, and never holds a number or a text."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Refused(GatewayError):
    """The provider did not take this message and never will."""


class TryLater(GatewayError):
    """The provider surely did not take it: too busy, unreachable, or our account is not let in."""


class InDoubt(GatewayError):
    """Nobody here knows whether the provider took it."""


class Gateway(Protocol):
    """One SMS provider. Called from several threads, never inside a transaction."""

    at_once: int
    """How many sends may run at the same time."""

    def send(self, *, message_id: UUID, to: str, body: str) -> Sent:
        """Hand over one SMS to `to` (E.164). Raises Refused, TryLater or InDoubt."""
        ...

    def find(self, *, to: str, body: str, since: datetime) -> Sequence[Sent]:
        """What the provider took for this number with this text since then. Raises TryLater or InDoubt."""
        ...


class Provider(Gateway, Protocol):
    """A gateway that also calls us back."""

    def signed_by_provider(self, path: str, form: Mapping[str, Any], signature: str) -> bool:
        """Whether the provider made this request to `path`."""
        ...


def current() -> Provider:
    """The provider of this installation."""
    return _twilio(
        settings.TWILIO_ACCOUNT_SID,
        settings.TWILIO_AUTH_TOKEN,
        settings.TWILIO_FROM,
        settings.TWILIO_API_BASE_URL,
        settings.PUBLIC_BASE_URL,
    )


@cache
def _twilio(account_sid: str, token: str, sender: str, api_base_url: str, public_base_url: str) -> Provider:
    from trial.messaging.gateways.twilio import TwilioGateway

    return TwilioGateway(
        account_sid=account_sid,
        token=token,
        sender=sender,
        api_base_url=api_base_url,
        public_base_url=public_base_url,
    )
