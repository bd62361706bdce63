"""`manage.py protocol check FILE | load FILE | activate SLUG VERSION | diff A B`."""

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from trial.accounts.models import User
from trial.audit.context import acting
from trial.core.clock import now
from trial.core.errors import DomainError
from trial.people.services import put_in_force
from trial.protocol.checks import Problem, ProtocolProblems, check, findings
from trial.protocol.diff import differences
from trial.protocol.models import ProtocolVersion
from trial.protocol.reading import Sources, Study, read_sources
from trial.protocol.selectors import study_of
from trial.protocol.services import load_protocol

ACTOR = "system:protocol"


class Command(BaseCommand):
    help = "Check, load, activate and compare protocol files."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        act = acts.add_parser("check", help="say everything that is wrong with a file, and where")
        act.add_argument("file", type=Path)
        act = acts.add_parser("load", help="check a file and store it as a new version")
        act.add_argument("file", type=Path)
        act.add_argument("--reason", default="", help="why the protocol is amended")
        act.add_argument("--by", metavar="EMAIL", help="the member of staff who does this")
        act = acts.add_parser("activate", help="put a loaded version in force")
        act.add_argument("slug")
        act.add_argument("version")
        act.add_argument("--by", metavar="EMAIL", help="the member of staff who does this")
        act = acts.add_parser("diff", help="say what differs, key by key")
        act.add_argument("old", metavar="A", help="a file, or SLUG@VERSION of a loaded one")
        act.add_argument("new", metavar="B")

    def handle(self, *, act: str, **options: Any) -> None:
        try:
            getattr(self, f"_{act}")(**options)
            self.stdout.flush()
        except DomainError as error:
            raise CommandError(str(error)) from error
        except BrokenPipeError:
            # Whoever reads has seen enough (`| head`); Python must not try to write the rest at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def _check(self, *, file: Path, **_: Any) -> None:
        study, found = findings(_sources(file))
        wrong = [problem for problem in found if not problem.note]
        for problem in found:
            if problem.note:
                self.stdout.write(f"note: {_line(problem, file)}")
        if study is None or wrong:
            raise CommandError(_all(wrong, file))
        protocol = study.protocol
        parts = f"{len(protocol.sites)} sites, {len(study.instruments)} instruments"
        languages = ", ".join(protocol.languages)
        self.stdout.write(f"{protocol.slug} {protocol.version}: {parts}, {languages}. Nothing is wrong.")

    def _load(self, *, file: Path, reason: str, by: str | None, **_: Any) -> None:
        with acting(_actor(by), reason=reason):
            try:
                version = load_protocol(sources=_sources(file), reason=reason, now=now())
            except ProtocolProblems as error:
                raise CommandError(_all(error.problems, file)) from error
        self.stdout.write(f"Loaded {version}, SHA-256 {version.sha256}.")

    def _activate(self, *, slug: str, version: str, by: str | None, **_: Any) -> None:
        actor = _actor(by)
        loaded = _version(slug, version)
        with acting(actor, reason=loaded.reason):
            sites = put_in_force(version=loaded, by=actor, now=now())
        self.stdout.write(f"{loaded} is in force, with {len(sites)} sites.")

    def _diff(self, *, old: str, new: str, **_: Any) -> None:
        found = differences(_study(old), _study(new))
        for difference in found:
            self.stdout.write(str(difference))
        self.stdout.write(f"{len(found)} differences.")


def _sources(file: Path) -> Sources:
    try:
        return read_sources(file)
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{file}, or an instrument beside it, is not UTF-8 text.") from error


def _line(problem: Problem, file: Path) -> str:
    return problem.under(str(file if problem.is_in_protocol else file.parent / problem.file))


def _all(problems: list[Problem], file: Path) -> str:
    lines = [_line(problem, file) for problem in problems]
    return "\n".join([*lines, f"{len(lines)} mistake(s). Nothing was stored."])


def _actor(email: str | None) -> str:
    """Who acts, in the words of the audit trail."""
    if email is None:
        return ACTOR
    user = User.objects.filter(email__iexact=email).first()
    if user is None:
        raise CommandError(f"Nobody on the staff has the e-mail address {email}.")
    return f"user:{user.pk}"


def _version(slug: str, version: str) -> ProtocolVersion:
    versions = ProtocolVersion.objects.filter(trial__slug=slug).select_related("trial")
    if found := versions.filter(version=version).first():
        return found
    loaded = ", ".join(versions.values_list("version", flat=True)) or "none"
    raise CommandError(f"{slug} has no version {version} loaded. Loaded: {loaded}.")


def _study(name: str) -> Study:
    """The study of a file, or of a loaded version named `slug@version`."""
    slug, at, version = name.rpartition("@")
    if at and not Path(name).exists():
        return study_of(_version(slug, version))
    file = Path(name)
    try:
        return check(_sources(file))
    except ProtocolProblems as error:
        raise CommandError(_all(error.problems, file)) from error
