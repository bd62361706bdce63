"""What can be refused in the work on a case, by name."""

from expertteam.models import Writing
from trial.core.errors import DomainError


class NotOnTeam(DomainError):
    """Only the case's team may do this."""


class MayNotManage(DomainError):
    """Only the coordinator, the trial manager or the team's lead may do this."""


class NotAnExpert(DomainError):
    """Whoever is to be on the team does not work as an expert at the participant's site."""


class CaseClosed(DomainError):
    """The participant has left; the case can be read, not changed."""


class NewerVersion(DomainError):
    """Somebody saved a newer version in the meantime; `newest` is that version."""

    def __init__(self, message: str, newest: Writing) -> None:
        super().__init__(message)
        self.newest = newest


class NothingWritten(DomainError):
    """A text is empty."""


class MeetingRefused(DomainError):
    """The meeting cannot be planned, cancelled or recorded like that."""


class TimeRefused(DomainError):
    """The time cannot be entered like that."""
