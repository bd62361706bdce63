"""The phones as one would hold them: what came, and a line to answer. Plain HTML, no script.

The conversation refreshes itself in a frame of its own, so that nothing typed is lost; every
page can be kept still.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from .delivery import Delivery
from .store import Sms, Store

STYLE = Path(__file__).with_name("simulator.css")
REFRESH_SECONDS = 3
E164 = re.compile(r"\+[1-9]\d{6,14}")


@dataclass
class Pages:
    store: Store
    delivery: Delivery

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self.phones),
            web.get("/phones/{phone}", self.phone),
            web.get("/phones/{phone}/messages", self.messages),
            web.post("/phones/{phone}/answers", self.answer),
            web.get("/simulator.css", self.style),
        ]

    async def phones(self, request: web.Request) -> web.Response:
        """Every phone that was ever written to, the latest first."""
        cards = "".join(_card(phone, self.store.conversation(phone)[-1]) for phone in self.store.phones())
        listed = f'<ul class="phones">{cards}</ul>' if cards else "<p>No phone has got a message yet.</p>"
        body = f"""<main><h1>Phones</h1>
<p>These phones do not exist. What the platform sends to them ends here; open one to answer as its owner.</p>
{listed}
{_keep_still(request)}</main>"""
        return _page("Phones", body, refresh=_refreshes(request))

    async def phone(self, request: web.Request) -> web.Response:
        """One phone, with the line to answer."""
        phone = self._known(request)
        still = "" if _refreshes(request) else "?still"
        path = f"/phones/{quote(phone)}"
        body = f"""<main><nav><a href="/">All phones</a></nav>
<h1>{escape(phone)}</h1>
<div class="phone">
<iframe src="{path}/messages{still}" title="Conversation of {escape(phone)}"></iframe>
<form method="post" action="{path}/answers{still}">
<label for="body">Answer from this phone</label>
<div class="line"><input id="body" name="body" required maxlength="1600" autocomplete="off" autofocus>
<button>Send</button></div>
</form>
</div>
{_keep_still(request)}</main>"""
        return _page(phone, body)

    async def messages(self, request: web.Request) -> web.Response:
        """The conversation alone, the latest first in the document and at the bottom on screen."""
        phone = self._known(request)
        bubbles = "".join(map(_bubble, reversed(self.store.conversation(phone))))
        body = f"""<main>
<ol reversed class="conversation" tabindex="0" aria-label="Messages, the latest first">
{bubbles}</ol></main>"""
        return _page(f"Conversation of {phone}", body, refresh=_refreshes(request), frame=True)

    async def answer(self, request: web.Request) -> web.Response:
        """The owner of the phone answers whoever wrote last; `to` names somebody else."""
        phone = request.match_info["phone"]
        form = await request.post()
        body, to = str(form.get("body", "")).strip(), str(form.get("to", ""))
        conversation = self.store.conversation(phone)
        platform = to or (conversation[-1].platform if conversation else "")
        if not E164.fullmatch(phone) or not platform:
            raise web.HTTPNotFound(text="Nobody has written to this phone, so there is nobody to answer.")
        if body:
            self.delivery.answer(phone=phone, platform=platform, body=body)
        still = "" if _refreshes(request) else "?still"
        raise web.HTTPSeeOther(f"/phones/{quote(phone)}{still}")

    async def style(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(STYLE)

    def _known(self, request: web.Request) -> str:
        phone = request.match_info["phone"]
        if not self.store.conversation(phone):
            raise web.HTTPNotFound(text="This phone has got no message.")
        return phone


def _card(phone: str, last: Sms) -> str:
    return f"""<li><a href="/phones/{quote(phone)}">{escape(phone)}</a>
<p>{escape(_shortened(last.body))}</p><p class="small">{_clock(last.created_at)}</p></li>"""


def _bubble(sms: Sms) -> str:
    who, side = ("You", "out") if sms.direction == "inbound" else (sms.platform, "in")
    return f"""<li class="{side}"><p class="small">{escape(who)}, {_clock(sms.created_at)}</p>
<p class="text">{escape(sms.body)}</p>{_notes(sms)}</li>"""


def _notes(sms: Sms) -> str:
    return "".join(f'<p class="small">{escape(note)}</p>' for note in _problems(sms))


def _problems(sms: Sms) -> Iterable[str]:
    if sms.status == "undelivered":
        yield f"Not delivered (error {sms.error_code})."
    if sms.refused:
        yield f"The platform did not take this answer ({sms.refused})."


def _clock(moment: str) -> str:
    at = datetime.fromisoformat(moment)
    return f'<time datetime="{escape(moment)}">{at:%-d %b %H:%M} UTC</time>'


def _shortened(text: str, longest: int = 80) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def _refreshes(request: web.Request) -> bool:
    return "still" not in request.query


def _keep_still(request: web.Request) -> str:
    if _refreshes(request):
        return '<p><a href="?still">Keep this page still</a></p>'
    return f'<p><a href="{request.path}">Refresh this page by itself</a></p>'


def _page(title: str, body: str, *, refresh: bool = False, frame: bool = False) -> web.Response:
    html = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} – SMS simulator</title><link rel="stylesheet" href="/simulator.css"></head>
<body{' class="frame"' if frame else ""}>{body}</body></html>"""
    response = web.Response(text=html, content_type="text/html")
    if refresh:
        response.headers["Refresh"] = str(REFRESH_SECONDS)
    return response
