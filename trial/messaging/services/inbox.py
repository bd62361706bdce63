"""What people send to us."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from trial.messaging.models import Inbound
from trial.people.identity import blind_index, vault
from trial.people.models import Participant
from trial.people.selectors import participants_by_phone_indexes


@dataclass(frozen=True)
class Incoming:
    """An SMS as it came: `sender` in E.164."""

    provider_id: str
    sender: str
    body: str
    received_at: datetime


@transaction.atomic
def record_inbound_many(incoming: Sequence[Incoming]) -> None:
    """Keep incoming SMS, their texts sealed and their senders known by blind index alone.

    The same provider id twice is the same message; two equal texts are two.
    """
    indexes = {one.sender: blind_index(one.sender, field="phone") for one in incoming}
    families = participants_by_phone_indexes(indexes.values())
    Inbound.objects.bulk_create(
        [_sealed(one, indexes[one.sender], families.get(indexes[one.sender], [])) for one in incoming],
        ignore_conflicts=True,
    )


def _sealed(one: Incoming, index: bytes, family: Sequence[Participant]) -> Inbound:
    trials = {participant.trial_id for participant in family}
    inbound = Inbound(
        provider_id=one.provider_id,
        trial_id=trials.pop() if len(trials) == 1 else None,
        from_index=index,
        received_at=one.received_at,
    )
    vault.seal_into(inbound, "body", one.body)
    return inbound


def record_inbound(*, provider_id: str, sender: str, body: str, now: datetime) -> Inbound:
    """Keep one incoming SMS, and return it."""
    record_inbound_many([Incoming(provider_id, sender, body, now)])
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
