"""The simulator as tests use it: a process of its own, asked over HTTP."""

import signal
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests
from django.conf import settings

LARGEST_PAGE = 1000


@dataclass
class Simulator:
    state: Path
    callback_base: str
    options: tuple[str, ...] = ()
    port: int = 0
    process: subprocess.Popen = field(init=False)

    def __post_init__(self):
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        command = [sys.executable, "-m", "trial.messaging.simulator", "--pace", "0", "--port", str(self.port)]
        paths = ["--state", str(self.state), "--callback-base", self.callback_base]
        self.process = subprocess.Popen(
            [*command, *paths, *self.options], stdout=subprocess.PIPE, text=True, cwd=settings.BASE_DIR
        )
        self.port = int(self.process.stdout.readline().rstrip("/\n").rpartition(":")[2])

    def stop(self, how: int = signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(timeout=60)
        self.process.stdout.close()

    def misbehave(self, **faults):
        """Set the faults, and take back earlier ones."""
        requests.put(f"{self.url}/simulator/faults", json=faults, timeout=5).raise_for_status()

    def answer(self, phone: str, body: str):
        """The owner of the phone answers whoever wrote last."""
        address = f"{self.url}/phones/{phone}/answers"
        requests.post(address, {"body": body}, timeout=5, allow_redirects=False).raise_for_status()

    def accepted(self) -> int:
        """How many messages were accepted, answers counted too."""
        return requests.get(f"{self.url}/simulator/health", timeout=5).json()["messages"]

    def messages(self, to: str | None = None) -> list[dict]:
        """All that was accepted, the newest first."""
        account = settings.TWILIO_ACCOUNT_SID
        path = f"/2010-04-01/Accounts/{account}/Messages.json?PageSize={LARGEST_PAGE}"
        if to:
            path += f"&To={to.replace('+', '%2B')}"
        found = []
        while path:
            page = requests.get(
                self.url + path, auth=(account, settings.TWILIO_AUTH_TOKEN), timeout=30
            ).json()
            found += page["messages"]
            path = page["next_page_uri"]
        return [message for message in found if message["direction"] != "inbound"]

    def bodies(self) -> Counter:
        """How often each text was accepted."""
        return Counter(message["body"] for message in self.messages())


@contextmanager
def running(state: Path, *options: str, callback_base: str = "http://127.0.0.1:9"):
    """Callbacks go nowhere unless a test says where."""
    simulator = Simulator(state, callback_base, options)
    try:
        yield simulator
    finally:
        if simulator.process.poll() is None:
            simulator.stop()
