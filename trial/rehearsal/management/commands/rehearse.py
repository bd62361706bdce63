"""`manage.py rehearse SLUG --participants 500 --weeks 52 --seed 1 [--json]`."""

import json
from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from analysis.errors import FolderRefused
from analysis.folder import prepare
from trial.audit.context import acting
from trial.core.errors import DomainError
from trial.rehearsal.scratch import MayNotMakeDatabases, scratch_database
from trial.rehearsal.services import rehearse
from trial.rehearsal.sources import NoProtocol, sources_for
from trial.rehearsal.story import Story

FIRST_DAY = date(2025, 1, 6)


class Command(BaseCommand):
    help = "Walk simulated people through a whole trial, in a database that is dropped afterwards."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--participants", type=int, default=100, metavar="N")
        parser.add_argument("--weeks", type=int, metavar="N", help="weeks of follow-up; default: all")
        parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same data set")
        parser.add_argument("--first-day", type=date.fromisoformat, default=FIRST_DAY, metavar="YYYY-MM-DD")
        parser.add_argument("--out", type=Path, metavar="DIR", help="keep the snapshot there")
        parser.add_argument("--json", action="store_true", help="print the story as JSON")

    def handle(self, *, slug: str, out: Path | None, json: bool, **size: Any) -> None:
        if size["participants"] < 1:
            raise CommandError("A rehearsal needs at least one participant.")
        try:
            sources = sources_for(slug)
        except NoProtocol as missing:
            raise CommandError(str(missing)) from missing
        if out is not None:
            _prepare(out)
        with TemporaryDirectory() as exports, acting("system:rehearsal"):
            settings.EXPORT_DIR = Path(exports)
            try:
                with scratch_database():
                    story = rehearse(sources=sources, out=out, **_sizes(size))
            except (DomainError, MayNotMakeDatabases) as error:
                raise CommandError(str(error)) from error
        self.stdout.write(_json(story) if json else story.as_text())


def _prepare(out: Path) -> None:
    """Before the long run, not after it."""
    try:
        prepare(out)
    except FolderRefused as refused:
        raise CommandError(str(refused)) from refused


def _sizes(options: dict[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in ("participants", "weeks", "seed", "first_day")}


def _json(story: Story) -> str:
    return json.dumps(story.as_json(), indent=2, ensure_ascii=False)
