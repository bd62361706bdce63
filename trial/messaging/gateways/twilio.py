"""Twilio. The only file that knows its client; the simulator is another address of the same API."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import requests
from requests.adapters import HTTPAdapter
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio.rest.api.v2010.account.message import MessageInstance

from trial.messaging.gateways import GatewayError, InDoubt, Refused, Sent, TryLater

CONNECT_SECONDS, READ_SECONDS = 5.0, 10.0
CLOCKS_APART = timedelta(minutes=2)
PAGE = 1000
TOO_MANY_REQUESTS = 429
NOT_LET_IN = (401, 403)
LOCAL = ("127.0.0.1", "localhost", "::1")

_silent = logging.getLogger("trial.messaging.gateways.twilio.silent")
_silent.disabled = True
"""The client logs addresses, which hold phone numbers."""


def _only_warnings(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING


# urllib3 writes each address, query and all, at DEBUG: kept out whatever level somebody turns on.
logging.getLogger("urllib3.connectionpool").addFilter(_only_warnings)


class _Http(TwilioHttpClient):
    """Twilio's own HTTP client with our timeouts and, where configured, another address of the API."""

    def __init__(self, api_base_url: str, connections: int) -> None:
        super().__init__(logger=_silent)
        self._base = urlsplit(api_base_url)
        self.timeout: tuple[float, float] = (CONNECT_SECONDS, READ_SECONDS)
        adapter = HTTPAdapter(pool_maxsize=connections)
        for scheme in ("https://", "http://"):
            self.session.mount(scheme, adapter)
        self.session.trust_env = self._base.hostname not in LOCAL

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        if self._base.netloc:
            url = urlsplit(url)._replace(scheme=self._base.scheme, netloc=self._base.netloc).geturl()
        return super().request(method, url, *args, **kwargs)


class TwilioGateway:
    """Sends through Twilio's Messages resource, https://www.twilio.com/docs/messaging/api/message-resource."""

    at_once = 8

    def __init__(
        self, *, account_sid: str, token: str, sender: str, api_base_url: str, public_base_url: str
    ) -> None:
        client = Client(account_sid, token, http_client=_Http(api_base_url, self.at_once))
        self._messages = client.messages
        self._validator = RequestValidator(token)
        self._sender = {"messaging_service_sid": sender} if sender.startswith("MG") else {"from_": sender}
        self._public_base_url = public_base_url

    def send(self, *, message_id: UUID, to: str, body: str) -> Sent:
        callback = f"{self._public_base_url}/hooks/twilio/status/{message_id}/"
        try:
            made = self._messages.create(to=to, body=body, status_callback=callback, **self._sender)
        except (TwilioException, requests.RequestException) as error:
            raise _what_happened(error) from None
        except ValueError:  # an answer that is not JSON
            raise InDoubt("unreadable") from None
        return Sent(made.sid)

    def find(self, *, to: str, body: str, since: datetime) -> Sequence[Sent]:
        """Oldest first. Twilio's list tells no callback address, so number, text and time must do.

        Not filtered by DateSent, which a message has only after it has left Twilio.
        """
        earliest = since - CLOCKS_APART
        try:
            newest_first = self._messages.stream(to=to, page_size=PAGE)
            made_since = list(takewhile(lambda made: _made_after(made, earliest), newest_first))
        except (TwilioException, requests.RequestException) as error:
            raise _what_happened(error) from None
        except ValueError:
            raise InDoubt("unreadable") from None
        return [Sent(made.sid) for made in reversed(made_since) if _fits(made, body)]

    def signed_by_provider(self, path: str, form: Mapping[str, Any], signature: str) -> bool:
        """Whether Twilio made this request to `path` (with its query) of our public address."""
        return bool(self._validator.validate(self._public_base_url + path, form, signature))


def _made_after(made: MessageInstance, earliest: datetime) -> bool:
    return made.date_created is None or made.date_created >= earliest


def _fits(made: MessageInstance, body: str) -> bool:
    text = (made.body or "").strip()  # empty where the account redacts bodies
    return made.direction != "inbound" and text in ("", body.strip())


def _what_happened(error: Exception) -> GatewayError:
    """What an exception says about the message. Ours carry a code alone: theirs quote the number."""
    match error:
        case TwilioRestException() | TwilioServiceException():
            return _by_status(error.status, str(error.code or error.status))
        case requests.ConnectTimeout():
            return TryLater("unreachable")
        case requests.ConnectionError() if _never_connected(error):
            return TryLater("unreachable")
        case requests.Timeout():
            return InDoubt("timeout")
        case _:
            return InDoubt("connection_lost")


def _by_status(status: int, code: str) -> GatewayError:
    if status == TOO_MANY_REQUESTS or status in NOT_LET_IN:
        return TryLater(code)
    if 400 <= status < 500:
        return Refused(code)
    return InDoubt(code)


def _never_connected(error: requests.ConnectionError) -> bool:
    from urllib3.exceptions import NewConnectionError

    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(reason, NewConnectionError)
