"""`manage.py randomization seal | verify`: the statistician's acts from the shell."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from randomization.services import seal_lists
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
        "Seal a trial's randomization list, or check that everything about it agrees. No arm is ever printed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        seal = acts.add_parser("seal", help="make and seal the list of the protocol in force")
        seal.add_argument("slug")
        seal.add_argument("--by", required=True, metavar="EMAIL", help="the statistician who answers for it")
        acts.add_parser(
            "verify", help="compare list, seed, commitment, counters and allocations"
        ).add_argument("slug")

    def handle(self, *args: Any, act: str, slug: str, **options: Any) -> None:
        trial = Trial.objects.filter(slug=slug).first()
        if trial is None:
            raise CommandError(f"There is no trial {slug!r}.")
        try:
            if act == "seal":
                self._seal(trial, options["by"])
            else:
                self._verify(trial)
        except DomainError as refused:
            raise CommandError(str(refused)) from refused

    def _seal(self, trial: Trial, email: str) -> None:
        user = User.objects.filter(email=email.lower()).first()
        if user is None or not has_permission(user, Permission.SEAL_LIST, trial=trial):
            raise CommandError(f"{email} may not seal the list of {trial.slug}.")
        with acting(f"user:{user.pk}", reason="manage.py randomization seal"):
            sealed = seal_lists(trial=trial, by=user, now=now())
        self.stdout.write(f"Sealed. Commitment: {sealed.commitment}")

    def _verify(self, trial: Trial) -> None:
        agreement = verify(trial)
        self.stdout.write(
            f"Everything agrees: {agreement.strata} strata, {agreement.places} places, "
            f"{agreement.allocations} allocations.\nCommitment: {agreement.commitment}"
        )
