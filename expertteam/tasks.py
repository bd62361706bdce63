"""What beat wakes."""

from celery import shared_task

from expertteam import services
from trial.audit.context import acting
from trial.core.clock import now


@shared_task
def open_cases() -> int:
    with acting("system:expertteam"):
        return services.open_cases(now=now())
