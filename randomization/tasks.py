"""What beat wakes."""

from datetime import timedelta

from celery import shared_task

from randomization import services
from trial.audit.context import acting
from trial.core.clock import now
from trial.messaging.services import beat


@shared_task
def send_notices() -> None:
    """Tell staff by e-mail. Nothing about it goes through the broker."""
    with acting("system:notices"):
        services.send_notices(now=now())
        beat(name="randomization.notices", now=now(), late_after=timedelta(minutes=5))


@shared_task
def make_due_reports() -> None:
    """Compute the design reports that somebody waits for."""
    with acting("system:reports"):
        services.make_due_reports(now=now())
