"""What people send to us."""

from datetime import datetime

from django.db import transaction

from trial.messaging.models import Inbound
from trial.people.identity import blind_index, vault
from trial.people.selectors import participants_by_phone


@transaction.atomic
def record_inbound(*, provider_id: str, sender: str, body: str, now: datetime) -> Inbound:
    """Keep an incoming SMS, its text sealed and its sender (E.164) known by blind index alone.

    The same provider id twice is the same message; two equal texts are two.
    """
    trials = set(participants_by_phone(sender).values_list("trial", flat=True))
    inbound = Inbound(
        provider_id=provider_id,
        trial_id=trials.pop() if len(trials) == 1 else None,
        from_index=blind_index(sender, field="phone"),
        received_at=now,
    )
    vault.seal_into(inbound, "body", body)
    Inbound.objects.bulk_create([inbound], ignore_conflicts=True)
    return Inbound.objects.get(provider_id=provider_id)


@transaction.atomic
def take_inbound(*, now: datetime, limit: int = 200) -> list[Inbound]:
    """The oldest messages that nobody has handled, marked as handled.

    Call it in the transaction that handles them: if that fails, they wait again.
    """
    waiting = Inbound.objects.select_for_update(skip_locked=True).filter(handled_at=None)
    taken = list(waiting.order_by("received_at", "id")[:limit])
    Inbound.objects.filter(pk__in=[inbound.pk for inbound in taken]).update(handled_at=now)
    return taken
