"""What the analysis refuses, in words for the researcher."""

from trial.core.errors import DomainError


class SnapshotUnderway(DomainError):
    """Somebody else is making a snapshot of the trial at this moment."""


class SnapshotGone(DomainError):
    """The row of a snapshot is there, its file is not."""


class FolderRefused(DomainError):
    """The folder that a command was given cannot be written to."""
