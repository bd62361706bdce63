"""Celery is only the alarm clock: each task wakes an idempotent sweep."""

from datetime import timedelta

from celery import shared_task

from followup import services
from trial.audit.context import acting
from trial.core.clock import now
from trial.messaging.services import beat

SOON = timedelta(minutes=5)


@shared_task
def make_plans() -> None:
    """Plan the year of those who were randomized, and close it where it is over."""
    with acting("system:followup"):
        services.make_plans(now=now())
        services.finish_plans(now=now())
        beat(name="followup.plans", now=now(), late_after=SOON)


@shared_task
def turn_due_occasions() -> None:
    """Ask what is due."""
    with acting("system:followup"):
        services.turn_due_occasions(now=now())
        beat(name="followup.questions", now=now(), late_after=SOON)


@shared_task
def turn_reminders() -> None:
    """Remind those who have not answered."""
    with acting("system:followup"):
        services.turn_reminders(now=now())
        beat(name="followup.reminders", now=now(), late_after=3 * SOON)


@shared_task
def interpret_inbound() -> None:
    """Read what people wrote."""
    with acting("system:followup"):
        services.interpret_inbound(now=now())
        beat(name="followup.replies", now=now(), late_after=SOON)
