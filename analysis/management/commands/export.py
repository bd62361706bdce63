import os
import pwd
import socket
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from analysis.services import analyse_snapshot, make_snapshot
from trial.audit.context import acting
from trial.core.clock import now
from trial.core.errors import DomainError
from trial.protocol.models import ProtocolVersion, Trial


def _somebody() -> str:
    """Who typed the command, as far as the operating system says."""
    try:
        return f"{pwd.getpwuid(os.getuid()).pw_name} on {socket.gethostname()}"
    except KeyError:  # a container's user need not have a name
        return f"user {os.getuid()} on {socket.gethostname()}"


class Command(BaseCommand):
    """The nightly export by hand."""

    help = "Make a snapshot of a trial's data and put a copy of the zip into a folder."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--out", type=Path, required=True, metavar="DIR")

    def handle(self, *args: Any, slug: str, out: Path, **options: Any) -> None:
        trial = Trial.objects.filter(slug=slug).first()
        if trial is None:
            raise CommandError(f"There is no trial {slug}; load its protocol first.")
        with acting("system:export", reason=f"copied into {out.resolve()} by {_somebody()}"):
            try:
                snapshot = make_snapshot(trial=trial, by="system:export", now=now(), directory=out)
                analyse_snapshot(snapshot=snapshot)
            except ProtocolVersion.DoesNotExist:
                raise CommandError(f"No version of {slug} is active; activate one first.") from None
            except (DomainError, OSError) as refusal:
                raise CommandError(str(refusal)) from refusal
        rows = ", ".join(f"{name} {count}" for name, count in snapshot.row_counts.items())
        self.stdout.write(f"{out / snapshot.file_name}\nSHA-256 {snapshot.sha256}\nrows: {rows}")
        self.stdout.write("Arms are masked." if snapshot.masked else "Arms are open: the trial is locked.")
