"""The statistician's acts from the shell: `manage.py randomization ACT SLUG`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError
from django.utils.translation import override

from randomization.archive import write_closing_archive
from randomization.importing import ListRefused, ListUnusual
from randomization.management.reporting import add_report, write_report
from randomization.services import extend_lists, propose_list, reveal_list, seal_lists
from randomization.verification import verify
from trial.accounts.models import User
from trial.accounts.permissions import Permission
from trial.audit.context import acting
from trial.core.clock import now
from trial.core.errors import DomainError
from trial.people.selectors import has_permission
from trial.protocol.models import Trial


class Command(BaseCommand):
    help = (
        "Seal a trial's randomization list, make it longer, check that everything about it agrees, reveal "
        "and archive it. No arm is ever printed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = self.acts = parser.add_subparsers(dest="act", required=True)
        for act, told in (
            ("seal", "make and seal the list of the protocol in force"),
            ("propose", "ask another statistician to seal it, where the protocol wants two"),
            ("extend", "append places to the sealed list"),
        ):
            by_somebody = acts.add_parser(act, help=told)
            by_somebody.add_argument("slug")
            by_somebody.add_argument(
                "--by", required=True, metavar="EMAIL", help="the statistician who answers for it"
            )
            by_somebody.add_argument(
                "--list", type=Path, metavar="FILE", help="the CSV file of a list that was made elsewhere"
            )
            by_somebody.add_argument(
                "--key", type=Path, metavar="FILE", help="which arm each number stands for, if it is blinded"
            )
            if act == "extend":
                by_somebody.add_argument("--places", type=int, help="in each stratum from now on")
            else:
                by_somebody.add_argument(
                    "--as-it-is", action="store_true", help="although the file is not as planned"
                )
        revealing = acts.add_parser("reveal", help="let anybody see list, nonce and seed after the lock")
        revealing.add_argument("slug")
        revealing.add_argument("--by", required=True, metavar="EMAIL", help="the statistician")
        acts.add_parser(
            "verify", help="compare list, seed, commitments, allocations and the audit trail"
        ).add_argument("slug")
        archiving = acts.add_parser("archive", help="after the reveal: all that proves it, in one zip")
        archiving.add_argument("slug")
        archiving.add_argument("file", type=Path, metavar="FILE.zip")
        add_report(acts)

    def execute(self, *args: Any, **options: Any) -> str | None:
        """All of it in the shell's one language, and in one sentence where the database is down."""
        with override("en"):
            try:
                return super().execute(*args, **options)
            except OperationalError as error:
                (reason, *_more) = str(error).splitlines()
                raise CommandError(f"The database does not answer: {reason}") from error

    def handle(self, *args: Any, act: str, slug: str, **options: Any) -> None:
        trial = Trial.objects.filter(slug=slug).first()
        if trial is None:
            raise CommandError(f"There is no trial {slug!r}.")
        try:
            if act == "report":
                self.stdout.write(write_report(trial, **options))
            elif act == "verify":
                self._verify(trial)
            elif act == "archive":
                self._archive(trial, options["file"])
            else:
                self._act(act, trial, options)
        except ListRefused as refused:
            raise CommandError("\n".join([str(refused), *refused.lines()])) from refused
        except ListUnusual as unusual:
            raise CommandError(f"{unusual} Seal it all the same with --as-it-is.") from unusual
        except DomainError as refused:
            raise CommandError(str(refused)) from refused

    def _act(self, act: str, trial: Trial, options: dict[str, Any]) -> None:
        email = options["by"]
        user = User.objects.filter(email=email.lower()).first()
        if user is None or not has_permission(user, Permission.SEAL_LIST, trial=trial):
            raise CommandError(f"{email} may not seal the list of {trial.slug}.")
        with acting(f"user:{user.pk}", reason=f"manage.py randomization {act}"):
            if act == "reveal":
                reveal_list(trial=trial, by=user, now=now())
                self.stdout.write(
                    f"Revealed: anybody can check it on /randomization/{trial.slug}/commitment/"
                )
                return
            who: dict[str, Any] = {"trial": trial, "by": user, "now": now()}
            who |= {"imported": _read(options["list"]), "key": _read(options["key"])}
            if act == "seal":
                sealed = seal_lists(**who, as_it_is=options["as_it_is"])
                self.stdout.write(f"Sealed. Commitment: {sealed.commitment}")
            elif act == "propose":
                proposal = propose_list(**who, as_it_is=options["as_it_is"])
                page = f"/randomization/{trial.slug}/proposals/{proposal.pk}/"
                self.stdout.write(f"Proposed. Another statistician approves: {page}")
            elif options["places"] is None and options["list"] is None:
                raise CommandError("Give --places, or --list where the list was made elsewhere.")
            else:
                longer = extend_lists(**who, places_per_stratum=options["places"])
                self.stdout.write(
                    f"{sum(longer.sizes.values())} places from now on. Commitment: {longer.commitment}"
                )

    def _verify(self, trial: Trial) -> None:
        agreement = verify(trial)
        self.stdout.write(
            f"Everything agrees: {agreement.strata} strata, {agreement.places} places, "
            f"{agreement.allocations} allocations.\nCommitment: {agreement.commitment}"
        )

    def _archive(self, trial: Trial, file: Path) -> None:
        try:
            with acting("system:archive", reason="manage.py randomization archive"):
                sums = write_closing_archive(trial=trial, target=file, now=now())
        except OSError as error:
            raise CommandError(f"{file} was not written: {error}") from error
        self.stdout.write(f"{file}: {len(sums)} files and their SHA-256.")


def _read(file: Path | None) -> bytes | None:
    if file is None:
        return None
    try:
        return file.read_bytes()
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
