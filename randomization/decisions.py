"""What minimization decided: sealed beside each allocation, read again for the next one and to check."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import QuerySet

from randomization.designs.base import EVERYBODY
from randomization.designs.minimization import Counts, Decision, MinimizationDesign
from randomization.models import Allocation, Place, SealedList
from randomization.sealing import seal, unseal, unseal_place

_PADDED_TO = 2048
"""Far more than a decision takes, so that the length of what is sealed tells nothing."""


class DecisionAt(NamedTuple):
    """One decision, and the place on the list whose draw it used."""

    position: int
    decision: Decision


class Tally:
    """How many are in each arm at each level of each factor, counted from decisions as they come."""

    def __init__(self, decisions: Iterable[Decision] = ()) -> None:
        self._counts: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
        for decision in decisions:
            self.add(decision)

    def add(self, decision: Decision) -> None:
        for factor, level in decision.levels.items():
            self._counts[factor][level][decision.arm] += 1

    @property
    def counts(self) -> Counts:
        return self._counts


def decisions(sealed_list: SealedList) -> Iterator[DecisionAt]:
    """All decisions of a list in the order in which they were made; none for another design.

    Raises ListDamaged at the first one that does not open.
    """
    list_id = sealed_list.pk
    for position, sealed in _made(list_id).iterator():
        yield DecisionAt(position, open_decision(sealed, list_id=list_id, position=position))


def _made(list_id: UUID) -> QuerySet[Allocation, tuple[int, Any]]:
    """(position, sealed decision), in order."""
    made = Allocation.objects.filter(place__stratum__sealed_list=list_id, decision__isnull=False)
    return made.order_by("place__position").values_list("place__position", "decision")


class _Counted(NamedTuple):
    """The decisions of a list, up to one of them."""

    tally: Tally
    last: int
    """Its position."""
    sealed: bytes


_counted: dict[UUID, _Counted] = {}
"""What this process has counted, by list."""


def tally_of(list_id: UUID) -> Tally:
    """All decisions of the list, counted. Each process opens a decision once. The caller holds the counter.

    A decision never changes, and it was made when all before it stood there. So as long as the last one that
    was counted stands there byte for byte, so do the others. After a rollback the count begins anew.
    """
    made, counted = _made(list_id), _counted.pop(list_id, None)
    if not (counted and made.filter(place__position=counted.last, decision=counted.sealed).exists()):
        counted = _Counted(Tally(), 0, b"")
    for position, sealed in made.filter(place__position__gt=counted.last).iterator():
        counted.tally.add(open_decision(sealed, list_id=list_id, position=position))
        counted = _Counted(counted.tally, position, bytes(sealed))
    _counted[list_id] = counted
    return counted.tally


def decide(design: MinimizationDesign, levels: Mapping[str, str], place: Place) -> bytes:
    """The sealed decision of whoever takes this place, by its draw and by all who came before.

    The caller holds the list's counter, so that nobody comes in between.
    """
    list_id, position = place.stratum.sealed_list_id, place.position
    before = tally_of(list_id)
    draw = unseal_place(bytes(place.content), list_id=list_id, stratum=EVERYBODY, position=position)
    decision = design.decide(levels, before.counts, int(draw))
    return seal_decision(decision, list_id=list_id, position=position)


def seal_decision(decision: Decision, *, list_id: UUID, position: int) -> bytes:
    """Bound to its place, and padded."""
    written = {
        "arm": decision.arm,
        "draw": decision.draw,
        "levels": dict(decision.levels),
        "scores": _written(decision.scores),
        "probabilities": _written(decision.probabilities),
    }
    text = json.dumps(written, separators=(",", ":")).encode()
    padded = text.ljust(-(-len(text) // _PADDED_TO) * _PADDED_TO)
    return seal(padded, table="allocation", row=_row(list_id, position), field="decision")


def open_decision(sealed: bytes, *, list_id: UUID, position: int) -> Decision:
    """Raises ListDamaged when the decision was changed or moved to another place."""
    text = unseal(bytes(sealed), table="allocation", row=_row(list_id, position), field="decision")
    written: dict[str, Any] = json.loads(text)
    return Decision(
        arm=written["arm"],
        draw=written["draw"],
        levels=written["levels"],
        scores=_read(written["scores"]),
        probabilities=_read(written["probabilities"]),
    )


def _row(list_id: UUID, position: int) -> str:
    return f"{list_id}/{EVERYBODY}/{position}"


def _written(numbers: Mapping[str, Fraction]) -> dict[str, str]:
    return {arm: f"{number.numerator}/{number.denominator}" for arm, number in numbers.items()}


def _read(numbers: Mapping[str, str]) -> dict[str, Fraction]:
    return {arm: Fraction(number) for arm, number in numbers.items()}
