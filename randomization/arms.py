"""Where an allocation's arm is opened: in its place, or in the decision where the place holds a draw.

Nobody is asked who they are here. Other apps and pages come through `randomization.selectors`.
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from randomization.decisions import open_decision
from randomization.models import Allocation, Place
from randomization.sealing import unseal_place


def arm_of(allocation: Allocation) -> str:
    """The arm's key. Raises ListDamaged when it does not open."""
    place = allocation.place
    return _opened(
        place.stratum.sealed_list_id, place.stratum.key, place.position, place.content, allocation.decision
    )


def arm_in(place: Place) -> str:
    """The arm that a list's place holds, whoever gets it. Raises ListDamaged when it does not open."""
    return _opened(place.stratum.sealed_list_id, place.stratum.key, place.position, place.content, None)


def arms_of(allocations: QuerySet[Allocation]) -> Iterator[tuple[int, str]]:
    """(participant id, arm key), opened one by one."""
    sealed: Any = allocations.values_list(
        "participant_id",
        "place__stratum__sealed_list_id",
        "place__stratum__key",
        "place__position",
        "place__content",
        "decision",
    )
    for participant_id, *place in sealed.iterator():
        yield participant_id, _opened(*place)


def _opened(list_id: UUID, stratum: str, position: int, content: bytes, decision: bytes | None) -> str:
    if decision is not None:
        return open_decision(decision, list_id=list_id, position=position).arm
    return unseal_place(bytes(content), list_id=list_id, stratum=stratum, position=position)
