"""One act of messaging in a process of its own, to be killed: `python -m tests.messaging.worker ACT …`."""

import sys
from datetime import datetime, timedelta
from itertools import cycle

import django

if __name__ == "__main__":
    django.setup()

from tests.factories import make_participant, make_trial
from trial.audit.context import acting
from trial.core.clock import now
from trial.messaging import gateways
from trial.messaging.models import Kind, Message, State
from trial.messaging.services import Draft, dispatch_due, enqueue_many, recover_in_flight
from trial.messaging.services.recovery import ABANDONED_AFTER

PEOPLE = 90


def plan(number: str) -> None:
    """So many different texts, due now at any hour."""
    plan_texts(int(number), due_at=now())


def plan_texts(number: int, *, due_at: datetime) -> None:
    trial = make_trial()
    people = [make_participant(trial) for _ in range(PEOPLE)]
    enqueue_many(
        [
            Draft(one.pk, one.protocol_version_id, f"text:{n}", Kind.THANKS, f"text {n}", "nb", due_at)
            for n, one in zip(range(number), cycle(people), strict=False)
        ]
    )


def sweep(moment: str) -> None:
    """Dispatch in small batches at this moment."""
    dispatch_due(gateway=gateways.current(), now=datetime.fromisoformat(moment), batch=20)


def settle() -> None:
    """What the sweeps of the next minutes would do."""
    settle_at(now())


def settle_at(moment: datetime) -> None:
    open_states = (State.QUEUED, State.IN_FLIGHT)
    for _ in range(100):
        moment += ABANDONED_AFTER + timedelta(seconds=1)
        recover_in_flight(gateway=gateways.current(), now=moment)
        dispatch_due(gateway=gateways.current(), now=moment)
        if not Message.objects.filter(state__in=open_states).exists():
            return
    raise AssertionError("Messages are left.")


if __name__ == "__main__":
    with acting("system:worker"):
        {"plan": plan, "sweep": sweep, "settle": settle}[sys.argv[1]](*sys.argv[2:])
