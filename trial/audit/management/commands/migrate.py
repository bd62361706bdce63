"""Django's `migrate`, run as the owner, followed by the audit triggers and the application's grants."""

from typing import Any

from django.core.management.base import CommandParser
from django.core.management.commands import migrate

from trial.audit.context import acting
from trial.audit.triggers import install


class Command(migrate.Command):
    help = "Bring the schema up to date as its owner, then install the audit triggers and the grants."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database="owner")

    def handle(self, *args: Any, **options: Any) -> None:
        with acting("system:migrate"):
            super().handle(*args, **options)
            if not (options["plan"] or options["check_unapplied"]):
                install(options["database"])
