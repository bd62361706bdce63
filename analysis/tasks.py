"""What beat wakes."""

from celery import shared_task

from analysis import services
from trial.audit.context import acting
from trial.core.clock import now


@shared_task
def make_due_snapshots() -> None:
    with acting("system:export"):
        services.make_due_snapshots(by="system:export", now=now())
