"""Wake a sweep for somebody who waits: for a message, with the phone in hand; for a report, at a page."""

import logging
from functools import partial
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
    """The sweep of SMS: for whoever waits with the phone in hand."""
    wake_sweep(DISPATCH)


def wake_sweep(sweep: str) -> None:
    """Once this transaction is committed, ask a worker to run the sweep; it never fails, and never waits.

    A thread does it: a broker that is gone must not show in how long the answer to a known phone takes.
    """
    transaction.on_commit(partial(_begin, sweep), robust=True)


def _begin(sweep: str) -> None:
    Thread(target=send_wake_up, args=[current_app._get_current_object(), sweep], daemon=True).start()


def send_wake_up(app: Celery, sweep: str = DISPATCH) -> None:
    """One attempt. Beat's sweep is the safety net, so any failure is a line in the log."""
    try:
        with app.connection_for_write(transport_options=PATIENCE) as connection:
            app.send_task(sweep, connection=connection, retry=False, expires=STALE_SECONDS)
    except Exception as error:
        logger.warning("No worker was woken (%s); beat will.", type(error).__name__)
