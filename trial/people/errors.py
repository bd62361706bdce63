"""What can be refused about people, by name."""

from trial.core.errors import DomainError
from trial.people.models import Participant


class AlreadyRegistered(DomainError):
    """The same person is a participant of this trial already; `participant` is who."""

    def __init__(self, message: str, participant: Participant) -> None:
        super().__init__(message)
        self.participant = participant


class IdentityMissing(DomainError):
    """The protocol asks for a contact detail that was not given."""


class IdentityErased(DomainError):
    """The participant withdrew the data; who it was is no longer known."""


class ReasonMissing(DomainError):
    """An act that needs a reason was given none."""


class NotPermitted(DomainError):
    """The user's memberships do not reach so far."""


class StatusRefused(DomainError):
    """The status cannot follow on what happened before."""


class RolesKeptApart(DomainError):
    """Two roles that one person may not hold in the same trial."""


class WrongCode(DomainError):
    """The code opens nothing: wrong, too old, used, or tried too often. One sentence for all, on purpose."""


class TooManyCodes(DomainError):
    """This phone was sent as many codes as it may be for now."""
