"""Celery is only the alarm clock: each task wakes an idempotent sweep."""

from datetime import timedelta

from celery import shared_task

from trial.audit.context import acting
from trial.core.clock import now
from trial.messaging import services
from trial.messaging.gateways import current


@shared_task
def dispatch() -> None:
    """Send what is due."""
    with acting("system:messages"):
        services.dispatch_due(gateway=current(), now=now())
        services.beat(name="messages.dispatch", now=now(), late_after=timedelta(minutes=3))


@shared_task
def recover() -> None:
    """Find out about interrupted sends."""
    with acting("system:messages"):
        services.recover_in_flight(gateway=current(), now=now())
        services.beat(name="messages.recover", now=now(), late_after=timedelta(minutes=5))
