"""What questionnaires refuse."""

from collections.abc import Sequence

from trial.core.errors import DomainError
from trial.protocol.schema import Item


class AlreadySubmitted(DomainError):
    """The questionnaire was sent in; its answers do not change any more."""


class Unanswered(DomainError):
    """Questions that need an answer have none; `items` are they."""

    def __init__(self, message: str, items: Sequence[Item]) -> None:
        self.items = items
        super().__init__(message)
