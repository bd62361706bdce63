"""`manage.py randomization drill`, beside the acts that the app randomization has itself.

The drill needs people, and so a room above randomization: this app comes first in INSTALLED_APPS, and its
command is the one that is run.
"""

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import CommandError
from django.db import DatabaseError

from randomization.drill import Finding
from randomization.management.commands.randomization import Command as Randomization
from trial.audit.context import acting
from trial.core.clock import now
from trial.core.errors import DomainError
from trial.rehearsal.drilling import Drilled, drill, report
from trial.rehearsal.scratch import MayNotMakeDatabases, scratch_database
from trial.rehearsal.sources import sources_for


class Command(Randomization):
    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        drill = self.acts.add_parser("drill", help="test the design in a database that is dropped afterwards")
        drill.add_argument("slug")
        drill.add_argument("--out", type=Path, metavar="FILE.pdf", help="where to write the report")

    def handle(self, *args: Any, act: str, slug: str, **options: Any) -> None:
        if act != "drill":
            return super().handle(*args, act=act, slug=slug, **options)
        file = options["out"] or settings.VAR_DIR / "drills" / f"{slug}-{now():%Y-%m-%d-%H%M}.pdf"
        drilled = self._drill(slug, file)
        failed = sum(not finding.passed for finding in drilled.findings)
        if failed:
            raise CommandError(f"{failed} of {len(drilled.findings)} tests failed. The report is {file}.")
        self.stdout.write(f"All {len(drilled.findings)} tests passed. The report is {file}.")
        return None

    def _drill(self, slug: str, file: Path) -> Drilled:
        with acting("system:drill"):
            try:
                sources = sources_for(slug)
                with _new(file) as part:
                    with scratch_database():
                        drilled = drill(sources=sources, clock=now, say=self._say)
                    part.write_bytes(report(drilled))
            except (DomainError, MayNotMakeDatabases) as error:
                raise CommandError(str(error)) from error
            except (OSError, DatabaseError, psycopg.Error) as error:  # a test's own is a finding
                raise CommandError(f"The drill ended without a report: {error}") from error
        return drilled

    def _say(self, finding: Finding) -> None:
        verdict = self.style.SUCCESS("passed") if finding.passed else self.style.ERROR("FAILED")
        self.stdout.write(f"{verdict}  {finding.title} ({finding.seconds:.1f} s)\n        {finding.happened}")


@contextmanager
def _new(file: Path) -> Iterator[Path]:
    """A path beside it, which gets the file's name when the block ends well; else nothing is left of it.

    Raises OSError before the long run, not after it.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.is_dir():
        raise IsADirectoryError(f"{file} is a folder.")
    part = file.with_name(f"{file.name}.part")
    part.touch()
    try:
        yield part
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
