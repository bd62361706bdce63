"""Runs the whole product on one machine: web, worker, beat and the SMS simulator under one supervisor."""

import fcntl
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from honcho.manager import Manager

STARTING_SECONDS = 60
INTERRUPTED = 130


class DemoError(Exception):
    """Why the demo cannot start, and what to do about it."""


class Demo:
    """The parts of the product on the ports given, with their files under `var`."""

    def __init__(self, *, var: Path, web_port: int, simulator_port: int) -> None:
        self.var = var
        self.ports = {"WEB_PORT": web_port, "SIMULATOR_PORT": simulator_port}
        self.web = f"http://127.0.0.1:{web_port}"
        self.simulator = f"http://127.0.0.1:{simulator_port}"

    def commands(self) -> dict[str, str]:
        """The command line of each part; `docker-compose.yml` runs the same programs."""
        python = f"exec {sys.executable} -m"
        web_port, simulator_port = self.ports.values()
        return {
            "web": f"{python} gunicorn trial.config.wsgi --bind 127.0.0.1:{web_port} --workers 2 --threads 4",
            "worker": f"{python} celery --app trial.config worker --loglevel WARNING --concurrency 2",
            "beat": f"{python} celery --app trial.config beat --loglevel WARNING --pidfile=",
            "simulator": (
                f"{python} trial.messaging.simulator --port {simulator_port} "
                f"--callback-base {self.web} --state {self.var / 'simulator'}"
            ),
        }

    @contextmanager
    def only_one(self) -> Iterator[None]:
        """One demo at a time for one `var`; the lock ends with the process, however it ends."""
        self.var.mkdir(parents=True, exist_ok=True)
        with (self.var / "demo.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DemoError(
                    "A demo is already running from this folder: use it, or end it with Ctrl-C first."
                ) from None
            yield

    def refuse_taken_ports(self) -> None:
        for name, port in self.ports.items():
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    raise DemoError(
                        f"Port {port} is taken by another program: end it, or choose another port, "
                        f"for example `{name}={port + 1} make demo`."
                    ) from None

    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PUBLIC_BASE_URL": self.web,
            "TWILIO_API_BASE_URL": self.simulator,
            "PYTHONUNBUFFERED": "1",
        }

    def run(self, *, check: bool) -> int:
        """Start every part and stay until one ends or Ctrl-C.

        A part of its own tells when all others answer; under `check` it ends then, and so does everything.
        Returns the exit code: 0 after Ctrl-C or a passed check.
        """
        manager = Manager()
        for name, command in self.commands().items():
            manager.add_process(name, command, env=self.environment(), quiet=check)
        welcome = f"exec {sys.executable} manage.py demo --welcome {'--check' if check else ''}"
        manager.add_process("tilbake", welcome, env=self.environment())
        manager.loop()
        return 0 if manager.returncode in (0, INTERRUPTED) else 1


def wait_for(name: str, probe: Callable[[], object]) -> None:
    """Repeat `probe` until it gives something true; raise DemoError naming the part when it never does."""
    deadline = time.monotonic() + STARTING_SECONDS
    reason: object = "it gave no answer"
    while time.monotonic() < deadline:
        try:
            if probe():
                return
        except Exception as error:
            reason = error
        time.sleep(0.2)
    raise DemoError(f"{name} does not work: {reason}")
