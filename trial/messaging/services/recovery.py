"""Claims that nobody finished: ask the provider before anything is sent again."""

import time
from datetime import datetime, timedelta

from django.db import transaction

from trial.messaging import texts
from trial.messaging.gateways import Gateway, InDoubt, TryLater
from trial.messaging.models import Message, State
from trial.messaging.services.dispatch import SWEEP_SECONDS, Counts
from trial.messaging.services.receipts import record_accepted
from trial.people.identity import vault

ABANDONED_AFTER = timedelta(seconds=3 * SWEEP_SECONDS)
"""Long after a sweep's last send has ended, timeouts included, and the provider's list shows it."""


def recover_in_flight(*, gateway: Gateway, now: datetime, batch: int = 100) -> Counts:
    """Find out what became of interrupted sends: sent if the provider has it, else due again at once.

    A send that its callback identified is no longer in flight. Call it outside any transaction.
    """
    counts = Counts()
    ends = time.monotonic() + SWEEP_SECONDS
    try:
        while messages := _abandoned(now, batch):
            for message in messages:
                if time.monotonic() > ends:
                    return counts
                _find_out(message, gateway, now, counts)
    except (TryLater, InDoubt):
        counts.in_doubt += 1
    return counts


def _find_out(message: Message, gateway: Gateway, now: datetime, counts: Counts) -> None:
    found = gateway.find(
        to=vault.open_of(message, "recipient"), body=texts.message_body(message), since=message.due_at
    )
    known = Message.objects.filter(provider_id__in=[sent.provider_id for sent in found])
    taken = set(known.values_list("provider_id", flat=True))
    if ours := next((sent for sent in found if sent.provider_id not in taken), None):
        counts.sent += record_accepted(provider_ids={message.pk: ours.provider_id}, now=now)
    else:
        in_flight = Message.objects.filter(pk=message.pk, state=State.IN_FLIGHT)
        counts.put_back += in_flight.update(state=State.QUEUED, recipient=None, try_at=now)


@transaction.atomic
def _abandoned(now: datetime, batch: int) -> list[Message]:
    """Abandoned claims, claimed anew so that two recoveries never look at the same one."""
    left = Message.objects.filter(state=State.IN_FLIGHT, claimed_at__lte=now - ABANDONED_AFTER)
    messages = list(
        left.select_for_update(skip_locked=True, no_key=True).order_by("claimed_at", "id")[:batch]
    )
    Message.objects.filter(pk__in=[message.pk for message in messages]).update(claimed_at=now)
    return messages
