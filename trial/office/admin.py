"""The office's own registrations."""

from trial.office import trail, users  # noqa: F401 - they register themselves
