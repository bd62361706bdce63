"""What a protocol refuses."""

from django.utils.translation import gettext as _

from trial.core.errors import DomainError


class VersionExists(DomainError):
    """The same version number was loaded before with other content."""


class ReasonMissing(DomainError):
    """An amendment does not say why."""


class AlreadyActive(DomainError):
    """The version is or was in force; a change needs a new version."""


class ArmsChanged(DomainError):
    """An amendment would add, drop or rename an arm after somebody may have been randomized to it."""


class StatusRefused(DomainError):
    """The trial cannot go from its present status to that one."""


class DataLocked(DomainError):
    """The trial's data are locked: nothing is added to them and nothing in them changes."""

    def __init__(self) -> None:
        super().__init__(_("The study's data are final. Nothing more is recorded."))
