import os
import signal
import sys
import urllib.request
from argparse import SUPPRESS
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, connections

from trial.config.celery import app
from trial.config.demo import Demo, DemoError, wait_for
from trial.config.embedded import OURS
from trial.config.environment import PRODUCTION
from trial.core.clock import now
from trial.messaging.models import Heartbeat
from trial.rehearsal.demo import Account, accounts, fill, is_half_filled
from trial.rehearsal.scratch import start_over


class Command(BaseCommand):
    help = "Runs the product with two trials in full swing. Ctrl-C ends everything."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="start every part, probe it, stop, and say what fails"
        )
        parser.add_argument("--welcome", action="store_true", help=SUPPRESS)

    def handle(self, *, check: bool, welcome: bool, **options: object) -> None:
        demo = Demo(
            var=Path(settings.VAR_DIR),
            web_port=int(os.environ.get("WEB_PORT", "8000")),
            simulator_port=int(os.environ.get("SIMULATOR_PORT", "8025")),
        )
        try:
            if PRODUCTION:
                raise DemoError(
                    "This is a production installation; the demo would put simulated people into it."
                )
            if welcome:
                self._welcome(demo, check=check)
            else:
                sys.exit(self._run(demo, check=check))
        except DemoError as error:
            raise CommandError(str(error)) from error

    def _run(self, demo: Demo, *, check: bool) -> int:
        demo.refuse_taken_ports()
        call_command("migrate", verbosity=0)
        self._fill()
        connections.close_all()
        return demo.run(check=check)

    def _fill(self) -> None:
        if is_half_filled():
            if OURS not in os.environ:
                raise DemoError(
                    "The database of DATABASE_URL holds a trial that no demo finished: use an empty database."
                )
            self.stdout.write("An earlier start was interrupted. Starting over …")
            start_over()
        fill(now=now(), say=self.stdout.write)

    def _welcome(self, demo: Demo, *, check: bool) -> None:
        """Say that every part answers and who can log in; then stay: the first part to end ends all."""
        started = now()
        probes = {
            "database": _database,
            "broker": lambda: app.connection_for_write().ensure_connection(max_retries=1),
            "web": lambda: _answers(f"{demo.web}/health/"),
            "simulator": lambda: _answers(f"{demo.simulator}/simulator/health"),
            "worker": lambda: app.control.ping(timeout=1),
            "beat": Heartbeat.objects.filter(at__gt=started).exists,
        }
        for name, probe in probes.items():
            wait_for(name, probe)
            if check:
                self.stdout.write(f"{name:<10} works")
        if not check:
            self.stdout.write(_table(demo, accounts()))
            connections.close_all()
            signal.pause()


def _database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return True


def _answers(address: str) -> bool:
    with urllib.request.urlopen(address, timeout=5) as answer:
        return answer.status == 200


def _table(demo: Demo, people: Iterable[Account]) -> str:
    rows = [
        ("Address", "Role", "User", "Password"),
        (f"{demo.web}/", "participant", "-", "-"),
        (f"{demo.simulator}/", "the participants' phones", "-", "-"),
        *((demo.web + account.path, account.role, account.email, account.password) for account in people),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(["", lines[0], "-" * len(lines[0]), *lines[1:], "", "Ctrl-C ends everything.", ""])
