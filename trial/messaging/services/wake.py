"""Wake the sweep that sends, for somebody who waits with the phone in hand."""

import logging
from threading import Thread

from celery import Celery, current_app
from django.db import transaction

DISPATCH = "trial.messaging.tasks.dispatch"
PATIENCE = {"socket_connect_timeout": 1, "socket_timeout": 1, "max_retries": 0}
"""For the broker: without it, Celery tries again for ever."""
STALE_SECONDS = 10
"""By then beat has woken the sweep anyway."""

logger = logging.getLogger(__name__)


def wake_dispatch() -> None:
    """Once this transaction is committed, ask a worker to send what is due; it never fails, and never waits.

    A thread does it: a broker that is gone must not show in how long the answer to a known phone takes.
    """
    transaction.on_commit(_begin, robust=True)


def _begin() -> None:
    Thread(target=send_wake_up, args=[current_app._get_current_object()], daemon=True).start()


def send_wake_up(app: Celery) -> None:
    """One attempt. Beat's sweep is the safety net, so any failure is a line in the log."""
    try:
        with app.connection_for_write(transport_options=PATIENCE) as connection:
            app.send_task(DISPATCH, connection=connection, retry=False, expires=STALE_SECONDS)
    except Exception as error:
        logger.warning("No worker was woken (%s); the next sweep of beat sends.", type(error).__name__)
