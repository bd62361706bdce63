"""What beat wakes."""

from datetime import timedelta

from celery import shared_task

from randomization.services import send_notices as send
from trial.audit.context import acting
from trial.core.clock import now
from trial.messaging.services import beat


@shared_task
def send_notices() -> None:
    """Tell staff by e-mail. Nothing about it goes through the broker."""
    with acting("system:notices"):
        send(now=now())
        beat(name="randomization.notices", now=now(), late_after=timedelta(minutes=5))
