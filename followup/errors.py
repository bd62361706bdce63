"""What follow-up refuses, by name."""

from trial.core.errors import DomainError


class NotInRange(DomainError):
    """More or fewer days than the question allows, or not on its step."""


class TooLongAgo(DomainError):
    """The week is further back than people remember well."""


class NotYet(DomainError):
    """The week is not over."""


class AlreadyResolved(DomainError):
    """Another coordinator decided about this reply."""


class WeekMissing(DomainError):
    """The reply is not tied to a participant's week, and none was chosen."""


class AlreadyAnswered(DomainError):
    """The week has an answer; another one is a correction, which gives a reason."""


class NothingToCorrect(DomainError):
    """The week has no answer, or the correction changes nothing."""
