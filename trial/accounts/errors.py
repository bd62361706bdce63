"""What can go wrong when somebody shows who they are."""

from trial.core.errors import DomainError


class PasswordRefused(DomainError):
    """The password is not theirs."""


class TooManyTries(DomainError):
    """So many wrong passwords in a row that the question is closed for a while."""
