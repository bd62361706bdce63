"""`python -m trial.messaging.simulator`: run until interrupted."""

import argparse
import asyncio
import os
import signal
from pathlib import Path

from aiohttp import web

from .server import application

ACCOUNT_SID = "AC" + "0" * 32
TOKEN = "simulated-auth-token"


def main() -> None:
    arguments = _arguments()
    arguments.account_sid = os.environ.get("TWILIO_ACCOUNT_SID") or ACCOUNT_SID
    arguments.token = os.environ.get("TWILIO_AUTH_TOKEN") or TOKEN
    asyncio.run(_serve(arguments))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m trial.messaging.simulator",
        description="A stand-in for Twilio. TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN say whom it lets in.",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8025, help="0 takes a free one and prints it")
    parser.add_argument(
        "--callback-base", required=True, help="the platform's address: http://127.0.0.1:8000"
    )
    parser.add_argument("--state", type=Path, required=True, help="directory of the conversations")
    parser.add_argument("--pace", type=float, default=0.2, help="seconds between a message's statuses")
    parser.add_argument("--opt-out", action="store_true", help="handle STOP itself, as Twilio does in the US")
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    runner = web.AppRunner(application(arguments), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, arguments.host, arguments.port)
    await site.start()
    host, port = runner.addresses[0][:2]
    print(f"SMS simulator: http://{host}:{port}/", flush=True)
    stopped = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    await stopped.wait()
    await runner.cleanup()


if __name__ == "__main__":
    main()
