"""Messages per second: the outbox, against a bare loop of the same HTTP calls.

`python -m benchmarks.messages` starts a throw-away PostgreSQL and the SMS simulator, plans messages, and
sends them three times over: by bare HTTP requests, by Twilio's client alone, and by the outbox, which claims,
checks, sends and records each of them. All three have eight requests under way at once. The ratio is what
being sure costs.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

ROOT = Path(__file__).resolve().parents[1]
TO, BODY = "+4768050001", "Hvor mange dager var du sykmeldt siste uke? Svar med et tall."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=2000)
    messages = parser.parse_args().messages
    with ExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory()))
        stack.enter_context(_database(directory))
        stack.enter_context(_simulator(directory))
        rates = _measure(messages)
    for name, rate in rates.items():
        print(f"{name:<24}{rate:>8.0f} messages/s")
    print(f"outbox / bare HTTP      {rates['outbox'] / rates['bare HTTP']:>8.2f}")
    print(f"outbox / Twilio client  {rates['outbox'] / rates['Twilio client']:>8.2f}")


@contextmanager
def _database(directory: Path) -> Iterator[None]:
    from trial.config.embedded import APPLICATION, OWNER, start_postgres

    postgres = start_postgres(directory / "postgres")
    try:
        postgres.ensure_database("tilbake")
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "trial.config.settings",
            "TILBAKE_VAR": str(directory / "var"),
            "DATABASE_URL": postgres.url("tilbake", APPLICATION),
            "OWNER_DATABASE_URL": postgres.url("tilbake", OWNER),
        }
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, check=True)
        yield
    finally:
        postgres.server.cleanup()


@contextmanager
def _simulator(directory: Path) -> Iterator[None]:
    """Without callbacks, which would measure the web server instead."""
    import requests

    options = [
        "--port",
        "0",
        "--state",
        str(directory / "simulator"),
        "--callback-base",
        "http://127.0.0.1:9",
    ]
    command = [sys.executable, "-m", "trial.messaging.simulator", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            url = process.stdout.readline().split()[-1].rstrip("/")
            requests.put(f"{url}/simulator/faults", json={"callbacks": False}, timeout=5).raise_for_status()
            os.environ["TWILIO_API_BASE_URL"] = url
            yield
        finally:
            process.terminate()


def _measure(messages: int) -> dict[str, float]:
    import django

    django.setup()
    from trial.audit.context import acting
    from trial.messaging import gateways

    gateway = gateways.current()
    with acting("system:benchmark"):
        outbox = _outbox(messages, gateway)
        return {
            "bare HTTP": _rate(messages, _in_threads(_bare_call(), messages, gateway.at_once)),
            "Twilio client": _rate(messages, _in_threads(_client_call(gateway), messages, gateway.at_once)),
            "outbox": _rate(messages, outbox),
        }


def _rate(messages: int, work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return messages / (time.perf_counter() - start)


def _in_threads(call: Callable[[], Any], messages: int, at_once: int) -> Callable[[], Any]:
    def work() -> None:
        with ThreadPoolExecutor(at_once) as pool:
            for future in [pool.submit(call) for _ in range(messages)]:
                future.result()

    return work


def _bare_call() -> Callable[[], Any]:
    import requests
    from django.conf import settings

    session = requests.Session()
    session.trust_env = False
    account = settings.TWILIO_ACCOUNT_SID
    url = f"{settings.TWILIO_API_BASE_URL}/2010-04-01/Accounts/{account}/Messages.json"
    auth = (account, settings.TWILIO_AUTH_TOKEN)

    def call() -> None:
        callback = f"{settings.PUBLIC_BASE_URL}/hooks/twilio/status/{uuid4()}/"
        form = {"To": TO, "From": settings.TWILIO_FROM, "Body": BODY, "StatusCallback": callback}
        session.post(url, form, auth=auth, timeout=10).raise_for_status()

    return call


def _client_call(gateway: Any) -> Callable[[], Any]:
    return lambda: gateway.send(message_id=uuid4(), to=TO, body=BODY)


def _outbox(messages: int, gateway: Any) -> Callable[[], Any]:
    from tests.factories import make_participant, make_trial
    from trial.core.clock import now
    from trial.messaging.models import Kind
    from trial.messaging.services import Draft, dispatch_due, enqueue_many

    trial, due = make_trial(), now()
    people = [make_participant(trial) for _ in range(90)]
    enqueue_many(
        [
            Draft(one.pk, one.protocol_version_id, f"m:{n}", Kind.THANKS, BODY, "nb", due)
            for n, one in zip(range(messages), cycle(people), strict=False)
        ]
    )

    def work() -> None:
        sent = 0
        while sent < messages:
            sent += dispatch_due(gateway=gateway, now=now()).sent

    return work


if __name__ == "__main__":
    main()
