"""What a protocol refuses."""

from trial.core.errors import DomainError


class VersionExists(DomainError):
    """The same version number was loaded before with other content."""


class ReasonMissing(DomainError):
    """An amendment does not say why."""


class AlreadyActive(DomainError):
    """The version is or was in force; a change needs a new version."""


class StatusRefused(DomainError):
    """The trial cannot go from its present status to that one."""
