from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from trial.accounts.models import User
from trial.accounts.roles import BY_KEY
from trial.accounts.services import invitation_link
from trial.audit.context import acting
from trial.core.clock import now
from trial.core.errors import DomainError
from trial.people.models import Site
from trial.people.services import grant
from trial.protocol.models import Trial


class Command(BaseCommand):
    """Gives the first people their roles; from then on a trial manager does it in the office."""

    help = (
        "Give a user a role, in the installation, a trial or at a site. Makes the user where there is none."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("role", choices=sorted(BY_KEY))
        parser.add_argument("--trial", metavar="SLUG")
        parser.add_argument("--site", metavar="KEY")
        parser.add_argument("--name", default="")

    def handle(self, *args: Any, email: str, role: str, **options: Any) -> None:
        trial, site = self._place(options["trial"], options["site"])
        with acting("system:grant"):
            user = User.objects.filter(email=email.strip().lower()).first()
            invited = user or User.objects.create_user(email, name=options["name"])
            try:
                grant(user=invited, role=role, trial=trial, site=site, by=None, now=now())
            except DomainError as refusal:
                raise CommandError(str(refusal)) from refusal
        place = f"at {site}" if site else f"in {trial or 'the installation'}"
        self.stdout.write(f"{invited.email} is {role} {place}.")
        if user is None:
            self.stdout.write(f"They choose a password here: {invitation_link(invited)}")

    def _place(self, slug: str | None, key: str | None) -> tuple[Trial | None, Site | None]:
        if slug is None:
            if key is not None:
                raise CommandError("A site is one of a trial: give --trial too.")
            return None, None
        trial = Trial.objects.filter(slug=slug).first()
        if trial is None:
            raise CommandError(f"There is no trial {slug}; load its protocol first.")
        site = Site.objects.filter(trial=trial, key=key).first()
        if key is not None and site is None:
            raise CommandError(f"{slug} has no site {key}; activating its protocol makes the sites.")
        return trial, site
