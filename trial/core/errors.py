"""Errors that a person can act on."""

from collections.abc import Callable


class DomainError(Exception):
    """A rule of the trial says no. The message is a translated sentence for the person who asked."""


def refusal(check: Callable[[], object]) -> str:
    """The sentence in which a rule says no to it; empty where none does."""
    try:
        check()
    except DomainError as refused:
        return str(refused)
    return ""
