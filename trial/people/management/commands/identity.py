from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from trial.audit.context import acting
from trial.people.identity import keys
from trial.people.identity.rotation import rotate, sealed_models


class Command(BaseCommand):
    """The keys of the identity vault: `new-key` prints one, `rotate` re-seals under the newest."""

    help = "new-key: print a random key. rotate: seal everything anew with the first key of IDENTITY_KEYS."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("act", choices=("new-key", "rotate"))

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        if act == "new-key":
            self.stdout.write(keys.new_key())
            return
        with acting("system:identity", reason="rotation of the sealing key"):
            for model in sealed_models():
                self.stdout.write(f"{model._meta.label}: {rotate(model)} rows sealed anew")
        self.stdout.write("Done: the older keys of IDENTITY_KEYS open nothing any more and can be removed.")
