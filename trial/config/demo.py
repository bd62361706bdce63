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

from trial.config.embedded import StartError

STARTING_SECONDS = 60
INTERRUPTED = 130


class DemoError(StartError):
    """Why the demo cannot start, and what to do about it."""


@contextmanager
def only_one(var: Path) -> Iterator[None]:
    """One demo at a time for one `var`; the lock ends with the process, however it ends.

    It is asked before any server starts, so that a refused demo leaves the running one's files alone.
    """
    var.mkdir(parents=True, exist_ok=True)
    with (var / "demo.lock").open("a+") as lock:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # unlike flock, not handed on to forks
        except OSError:
            lock.seek(0)
            raise DemoError(
                "A demo is already running from this folder: use it, or end it first "
                f"with Ctrl-C or `kill {lock.read()}`."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


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
            "web": (
                f"{python} gunicorn trial.config.wsgi --preload --bind 127.0.0.1:{web_port} "
                "--workers 2 --threads 4"
            ),
            "worker": f"{python} celery --app trial.config worker --loglevel WARNING --concurrency 2",
            "beat": f"{python} celery --app trial.config beat --loglevel WARNING --pidfile=",
            "simulator": (
                f"{python} trial.messaging.simulator --port {simulator_port} "
                f"--callback-base {self.web} --state {self.var / 'simulator'}"
            ),
        }

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
