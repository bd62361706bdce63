"""A message's life after it was accepted, and an answer's way to the platform."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from .faults import Faults
from .segments import segments
from .store import Sms, Store
from .webhooks import Webhooks

OPT_OUT = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"}
OPT_IN = {"START", "YES", "UNSTOP"}


@dataclass
class Delivery:
    account_sid: str
    store: Store
    webhooks: Webhooks
    callback_base: str
    handles_opt_out: bool
    """Twilio's own STOP handling. Off for alphanumeric senders and most Nordic numbers."""
    pace: float
    """Seconds between a message's statuses."""
    faults: Faults = field(default_factory=Faults)
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    def start(self, sms: Sms) -> None:
        self._spawn(self._deliver(sms))

    def resume(self) -> None:
        """Go on with what an earlier run left on its way."""
        for sms in self.store.unfinished():
            self.start(sms)

    def answer(self, *, phone: str, platform: str, body: str) -> Sms:
        """The person at the phone sends a text to the platform's number."""
        sms = self.store.add(direction="inbound", sender=phone, to=platform, body=body, status="received")
        self._spawn(self._hand_over(sms, self._opt(phone, body)))
        return sms

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.webhooks.close()

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, sms: Sms) -> None:
        self._call_back(sms)
        await asyncio.sleep(self.pace)
        self.store.set_status(sms, "sent")
        self._call_back(sms)
        await asyncio.sleep(self.pace)
        code = self.faults.undelivered.get(sms.to)
        self.store.set_status(sms, "undelivered" if code else "delivered", code)
        self._call_back(sms)

    def _call_back(self, sms: Sms) -> None:
        if not sms.status_callback or not self.faults.callbacks:
            return
        form = {
            "AccountSid": self.account_sid,
            "ApiVersion": "2010-04-01",
            "From": sms.sender,
            "To": sms.to,
            "MessageSid": sms.sid,
            "MessageStatus": sms.status,
            "SmsSid": sms.sid,
            "SmsStatus": sms.status,
        }
        if sms.error_code:
            form["ErrorCode"] = str(sms.error_code)
        self._spawn(self._post(sms.status_callback, form))

    async def _hand_over(self, sms: Sms, opted: str) -> None:
        form = {
            "AccountSid": self.account_sid,
            "ApiVersion": "2010-04-01",
            "Body": sms.body,
            "From": sms.sender,
            "To": sms.to,
            "MessageSid": sms.sid,
            "SmsMessageSid": sms.sid,
            "SmsSid": sms.sid,
            "SmsStatus": "received",
            "NumMedia": "0",
            "NumSegments": str(segments(sms.body)),
        }
        if opted:
            form["OptOutType"] = opted
        if why := await self._post(f"{self.callback_base}/hooks/twilio/inbound/", form):
            self.store.set_refused(sms, why)

    async def _post(self, url: str, form: dict[str, str]) -> str:
        if self.faults.duplicate_callbacks:
            first, _ = await asyncio.gather(self.webhooks.post(url, form), self.webhooks.post(url, form))
            return first
        return await self.webhooks.post(url, form)

    def _opt(self, phone: str, body: str) -> str:
        word = body.strip().upper()
        if not self.handles_opt_out or word not in OPT_OUT | OPT_IN:
            return ""
        self.store.set_opted_out(phone, word in OPT_OUT)
        return "STOP" if word in OPT_OUT else "START"
