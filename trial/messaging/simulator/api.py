"""Twilio's HTTP API, version 2010-04-01: create, fetch and list messages.

Source: https://www.twilio.com/docs/messaging/api/message-resource
"""

import base64
import binascii
import hmac
import re
from dataclasses import dataclass
from datetime import date, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from .delivery import Delivery
from .faults import Faults
from .segments import segments
from .store import Sms, Store

E164 = re.compile(r"\+[1-9]\d{6,14}")
ROOT = "/2010-04-01/Accounts"
LONGEST_BODY = 1600
PAGE_SIZE, LARGEST_PAGE = 50, 1000


class TwilioError(Exception):
    def __init__(self, status: int, code: int, message: str) -> None:
        self.status, self.code, self.message = status, code, message

    def response(self) -> web.Response:
        body = {
            "code": self.code,
            "message": self.message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }
        return web.json_response(body, status=self.status)


@dataclass
class Api:
    account_sid: str
    token: str
    store: Store
    delivery: Delivery

    @property
    def faults(self) -> Faults:
        return self.delivery.faults

    def routes(self) -> list[web.RouteDef]:
        messages = ROOT + "/{account}/Messages"
        return [
            web.post(messages + ".json", self.create),
            web.get(messages + ".json", self.list),
            web.get(messages + "/{sid}.json", self.fetch),
        ]

    async def create(self, request: web.Request) -> web.StreamResponse:
        self._authenticate(request)
        faults = self.faults
        if faults.too_many():
            raise TwilioError(429, 20429, "Too Many Requests")
        if faults.happens(faults.fail_before):
            raise TwilioError(500, 20500, "Internal Server Error")
        form = {name: str(value) for name, value in (await request.post()).items()}
        self._check(form)
        service_sid = form.get("MessagingServiceSid")
        sms = self.store.add(
            direction="outbound-api",
            sender=form.get("From") or service_sid,
            to=form["To"],
            body=form["Body"],
            status="accepted" if service_sid else "queued",
            status_callback=form.get("StatusCallback", ""),
            service_sid=service_sid,
        )
        answer = web.json_response(self._resource(sms), status=201)
        self.delivery.start(sms)
        await faults.wait()
        if faults.happens(faults.lose_answer):
            if request.transport:
                request.transport.abort()
        elif faults.happens(faults.fail_after):
            raise TwilioError(500, 20500, "Internal Server Error")
        return answer

    async def fetch(self, request: web.Request) -> web.Response:
        self._authenticate(request)
        sms = self.store.messages.get(request.match_info["sid"])
        if sms is None:
            raise TwilioError(404, 20404, f"The requested resource {request.path} was not found")
        return web.json_response(self._resource(sms))

    async def list(self, request: web.Request) -> web.Response:
        """Newest first, filtered by To, From and DateSent; PageToken is the last SID of the page before."""
        self._authenticate(request)
        query = request.query
        size = min(int(query.get("PageSize", PAGE_SIZE)), LARGEST_PAGE)
        after = query.get("PageToken")
        page: list[Sms] = []
        more = False
        for sms in self.store.newest_first(query.get("To")):
            if after:
                after = None if sms.sid == after else after
            elif _matches(sms, query):
                if len(page) == size:
                    more = True
                    break
                page.append(sms)
        uri = request.rel_url.raw_path
        following = {**query, "PageSize": size, "PageToken": page[-1].sid if page else ""}
        return web.json_response(
            {
                "messages": [self._resource(sms) for sms in page],
                "page_size": size,
                "page": int(query.get("Page", 0)),
                "uri": str(request.rel_url),
                "first_page_uri": f"{uri}?{urlencode({'PageSize': size})}",
                "next_page_uri": f"{uri}?{urlencode(following)}" if more else None,
                "previous_page_uri": None,
            }
        )

    def _authenticate(self, request: web.Request) -> None:
        scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
        try:
            given = base64.b64decode(credentials, validate=True)
        except binascii.Error:
            given = b""
        expected = f"{self.account_sid}:{self.token}".encode()
        if scheme != "Basic" or not hmac.compare_digest(given, expected):
            raise TwilioError(401, 20003, "Authenticate")
        if request.match_info["account"] != self.account_sid:
            raise TwilioError(404, 20404, f"The requested resource {request.path} was not found")

    def _check(self, form: dict[str, str]) -> None:
        to = form.get("To", "")
        if not to:
            raise TwilioError(400, 21604, "A 'To' phone number is required.")
        if not E164.fullmatch(to):
            raise TwilioError(400, 21211, f"Invalid 'To' Phone Number: {to}")
        if not form.get("From") and not form.get("MessagingServiceSid"):
            raise TwilioError(400, 21603, "A 'From' phone number is required.")
        if not form.get("Body"):
            raise TwilioError(400, 21602, "Message body is required.")
        if len(form["Body"]) > LONGEST_BODY:
            raise TwilioError(400, 21617, "The concatenated message body exceeds the 1600 character limit")
        if to in self.store.opted_out:
            raise TwilioError(400, 21610, "Attempt to send to unsubscribed recipient")

    def _resource(self, sms: Sms) -> dict[str, Any]:
        uri = f"{ROOT}/{self.account_sid}/Messages/{sms.sid}"
        return {
            "sid": sms.sid,
            "account_sid": self.account_sid,
            "messaging_service_sid": sms.service_sid,
            "direction": sms.direction,
            "from": None if sms.service_sid else sms.sender,
            "to": sms.to,
            "body": sms.body,
            "status": sms.status,
            "num_segments": str(segments(sms.body)),
            "num_media": "0",
            "date_created": _rfc2822(sms.created_at),
            "date_sent": _rfc2822(sms.sent_at),
            "date_updated": _rfc2822(sms.updated_at),
            "error_code": sms.error_code,
            "error_message": None,
            "price": None,
            "price_unit": "USD",
            "api_version": "2010-04-01",
            "uri": uri + ".json",
            "subresource_uris": {"media": uri + "/Media.json"},
        }


def _matches(sms: Sms, query: Any) -> bool:
    if "From" in query and sms.sender != query["From"]:
        return False
    wanted = [(name, _day(query[name])) for name in ("DateSent", "DateSent<", "DateSent>") if name in query]
    if not wanted:
        return True
    if sms.sent_at is None:
        return False
    sent = datetime.fromisoformat(sms.sent_at).date()
    compare = {"DateSent": sent.__eq__, "DateSent<": sent.__le__, "DateSent>": sent.__ge__}
    return all(compare[name](day) for name, day in wanted)


def _day(text: str) -> date:
    return date.fromisoformat(text[:10])


def _rfc2822(moment: str | None) -> str | None:
    return format_datetime(datetime.fromisoformat(moment)) if moment else None
