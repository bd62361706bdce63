"""Calls to the platform, signed as Twilio signs them and tried again as with `#rc=5&rp=all` in their URL."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Mapping

import aiohttp

TRIES = 6
FIRST_PAUSE = 0.2
TIMEOUT = aiohttp.ClientTimeout(total=15, connect=5)
AT_ONCE = 16


def signature(token: str, url: str, form: Mapping[str, str]) -> str:
    """X-Twilio-Signature: HMAC-SHA1 over the address and the form's sorted names and values.

    Source: https://www.twilio.com/docs/usage/security#validating-requests
    """
    text = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


class Webhooks:
    """Posts forms to the platform; at most `AT_ONCE` at a time."""

    def __init__(self, token: str) -> None:
        self.token = token
        self._places = asyncio.Semaphore(AT_ONCE)
        self._session = aiohttp.ClientSession(timeout=TIMEOUT)

    async def post(self, url: str, form: Mapping[str, str]) -> str:
        """Deliver the form. Returns "" when the platform took it, else why the last try failed."""
        headers = {"X-Twilio-Signature": signature(self.token, url, form), "User-Agent": "TwilioProxy/1.1"}
        why = ""
        for attempt in range(TRIES):
            if attempt:
                await asyncio.sleep(FIRST_PAUSE * 2 ** (attempt - 1))
            async with self._places:
                why = await self._try(url, form, headers)
            if not why:
                break
        return why

    async def _try(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> str:
        try:
            async with self._session.post(url, data=form, headers=headers) as answer:
                return "" if answer.status < 400 else f"HTTP {answer.status}"
        except (aiohttp.ClientError, TimeoutError) as error:
            return type(error).__name__

    async def close(self) -> None:
        await self._session.close()
