"""The simulator's parts put together."""

import argparse
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web

from .api import Api, TwilioError
from .delivery import Delivery
from .faults import Faults
from .pages import Pages
from .store import Store
from .webhooks import Webhooks

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'self'"
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(arguments: argparse.Namespace) -> web.Application:
    """`arguments`: account_sid, token, state, callback_base, opt_out, pace (see `__main__`).

    To be called inside the running event loop.
    """
    store = Store(arguments.state / "messages.jsonl")
    delivery = Delivery(
        account_sid=arguments.account_sid,
        store=store,
        webhooks=Webhooks(arguments.token),
        callback_base=arguments.callback_base.rstrip("/"),
        handles_opt_out=arguments.opt_out,
        pace=arguments.pace,
    )

    async def running(app: web.Application) -> AsyncIterator[None]:
        delivery.resume()
        yield
        await delivery.close()
        store.close()

    app = web.Application(middlewares=[_finish])
    app.cleanup_ctx.append(running)
    app.add_routes(Api(arguments.account_sid, arguments.token, store, delivery).routes())
    app.add_routes(Pages(store, delivery).routes())
    app.add_routes(_controls(delivery))
    return app


def _controls(delivery: Delivery) -> list[web.RouteDef]:
    async def health(request: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "messages": len(delivery.store.messages)})

    async def set_faults(request: web.Request) -> web.Response:
        try:
            delivery.faults = Faults.from_json(await request.json())
        except ValueError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        return web.json_response(delivery.faults.to_json())

    return [web.get("/simulator/health", health), web.put("/simulator/faults", set_faults)]


@web.middleware
async def _finish(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        response = await handler(request)
    except TwilioError as error:
        return error.response()
    if not response.prepared:
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return response
