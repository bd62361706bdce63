from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from analysis.errors import FolderRefused
from analysis.folder import prepare
from analysis.statistics.report import analyse
from analysis.statistics.snapshot_file import DamagedSnapshot


class Command(BaseCommand):
    """The first analysis of a snapshot, from its files alone."""

    help = "Verify a snapshot, analyse it, and write results.csv, report.html and the plot into a folder."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("snapshot", type=Path, metavar="SNAPSHOT.zip")
        parser.add_argument("--out", type=Path, required=True, metavar="DIR")

    def handle(self, *args: Any, snapshot: Path, out: Path, **options: Any) -> None:
        try:
            prepare(out)
            report = analyse(snapshot)
            written = report.write(out)
        except (DamagedSnapshot, FolderRefused, OSError) as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(f"{report}\n")
        for path in written:
            self.stdout.write(str(path))
