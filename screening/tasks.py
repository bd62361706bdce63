from celery import shared_task

from screening import services
from trial.audit.context import acting
from trial.core.clock import now
from trial.core.db import lock


@shared_task
def forget() -> int:
    """Delete the answers of visitors who never came back."""
    with acting("system:screening"), lock("screening.forget") as mine:
        return services.forget(now=now()) if mine else 0
