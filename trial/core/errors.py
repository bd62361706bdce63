"""Errors that a person can act on."""


class DomainError(Exception):
    """A rule of the trial says no. The message is a translated sentence for the person who asked."""
