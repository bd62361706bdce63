"""Whether somebody fits: the protocol's criteria over answers, with a third value for "cannot tell yet"."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trial.protocol import expressions
from trial.protocol.schema import Criterion, Protocol


@dataclass(frozen=True)
class Decision:
    """What the answers say about the criteria that are decided from them."""

    failed: tuple[Criterion, ...]
    undecided: tuple[Criterion, ...]

    @property
    def eligible(self) -> bool | None:
        """None while any criterion is undecided, so that somebody who does not fit hears every reason."""
        if self.undecided:
            return None
        return not self.failed

    @property
    def needed(self) -> frozenset[str]:
        """The items that the undecided criteria depend on."""
        return frozenset().union(*(expressions.variables(c.expression or "true") for c in self.undecided))


def eligibility(answers: Mapping[str, Any], protocol: Protocol) -> Decision:
    """The decision on all criteria that the participant's answers decide."""
    checked = decided_from_answers(protocol)
    held = {criterion.key: holds(criterion, answers) for criterion in checked}
    return Decision(
        failed=tuple(c for c in checked if held[c.key] is False),
        undecided=tuple(c for c in checked if held[c.key] is None),
    )


def decided_from_answers(protocol: Protocol) -> list[Criterion]:
    """The criteria that need nobody to check them."""
    return [c for c in protocol.eligibility.criteria if c.checked_by == "participant"]


def left_to_a_person(answers: Mapping[str, Any], protocol: Protocol) -> list[Criterion]:
    """The criteria that somebody must check: those that say so, and those that the answers do not decide."""
    return [
        criterion
        for criterion in protocol.eligibility.criteria
        if criterion.checked_by == "coordinator" or holds(criterion, answers) is None
    ]


def holds(criterion: Criterion, answers: Mapping[str, Any]) -> bool | None:
    """True where the criterion does not stand in the way; None where the answers do not tell."""
    if criterion.expression is None:
        return None
    value = expressions.evaluate(criterion.expression, answers)
    if value is None:
        return None
    return value if criterion.kind == "inclusion" else not value
