"""The one place where the product reads the wall clock."""

from datetime import datetime

from django.utils import timezone


def now() -> datetime:
    """The present moment, aware and in UTC. Called by views, tasks and commands only."""
    return timezone.now()
