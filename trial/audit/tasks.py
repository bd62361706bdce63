"""What beat wakes."""

from celery import shared_task

from trial.audit.context import acting
from trial.audit.services import seal_events
from trial.core.clock import now


@shared_task
def seal() -> None:
    with acting("system:seal"):
        seal_events(now=now())
