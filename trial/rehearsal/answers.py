"""Answers of simulated people: any trial's questions, any of the allowed answers."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from screening.eligibility import decided_from_answers, holds
from trial.protocol import expressions
from trial.protocol.schema import Item, Kind, Protocol

TRIES = 2000
HUNDRED = Decimal(100)
PERCENT = ("%", "percent", "per cent", "prosent", "procent")
"""Units of which few people have more than a hundred, even where a form allows it."""


def fill(items: Iterable[Item], chance: Random, today: date, known: dict[str, Any]) -> dict[str, Any]:
    """An answer to each item that is asked, given those before it and the `known` ones from elsewhere.

    A question that was asked before under the same key gets the same answer, if it may.
    """
    answers: dict[str, Any] = {}
    for item in items:
        if item.shown_if is None or expressions.evaluate(item.shown_if, known | answers) is True:
            drawn = answer(item, chance, today)
            answers[item.key] = known[item.key] if _allows(item, known.get(item.key)) else drawn
    return answers


def _allows(item: Item, value: Any) -> bool:
    """Whether a value that was given to an item of this key elsewhere is an answer to this one."""
    match item.kind:
        case Kind.SINGLE:
            return value in {option.value for option in item.options}
        case Kind.YES_NO:
            return isinstance(value, bool)
        case Kind.NUMBER | Kind.SCALE:
            if isinstance(value, bool) or not isinstance(value, int | float):
                return False
            low, high = _ends(item)
            return low <= value <= high and (Decimal(str(value)) - low) % item.step == 0
    return False


def answer(item: Item, chance: Random, today: date) -> Any:
    """One allowed answer, as the forms store it."""
    match item.kind:
        case Kind.SINGLE:
            return chance.choice(item.options).value
        case Kind.MULTIPLE:
            return _multiple(item, chance)
        case Kind.NUMBER | Kind.SCALE:
            return _number(item, chance)
        case Kind.DATE:
            return (today - timedelta(days=chance.randint(0, 200))).isoformat()
        case Kind.TEXT:
            return ""
        case Kind.YES_NO:
            return chance.random() < 0.5
        case Kind.POSTAL_CODE:
            return f"{chance.randint(600, 799)}{chance.randint(0, 9)}"


def _multiple(item: Item, chance: Random) -> list[str]:
    first = chance.choice(item.options)
    if first.alone:
        return [first.value]
    together = [option.value for option in item.options if not option.alone]
    return [value for value in together if value == first.value or chance.random() < 0.3]


def _number(item: Item, chance: Random) -> int | float:
    low, high = _ends(item)
    if item.unit and item.unit.in_("en").casefold() in PERCENT:
        high = max(low, min(high, HUNDRED))
    value = low + item.step * chance.randint(0, int((high - low) / item.step))
    return int(value) if value == int(value) else float(value)


def _ends(item: Item) -> tuple[Decimal, Decimal]:
    low = item.minimum if item.minimum is not None else item.step * 0
    return low, item.maximum if item.maximum is not None else low + 100 * item.step


def fitting(protocol: Protocol, chance: Random, today: date) -> dict[str, Any]:
    """Eligibility answers of somebody who fits: those that a failing criterion looks at are drawn anew.

    Raises RuntimeError when a criterion cannot be met by allowed answers, which is a fault of the protocol.
    """
    items = {item.key: item for item in protocol.eligibility.items}
    criteria = {criterion.key: criterion for criterion in decided_from_answers(protocol)}
    needs = {key: expressions.variables(one.expression or "true") for key, one in criteria.items()}
    answers = fill(items.values(), chance, today, {})
    verdicts = {key: holds(criterion, answers) for key, criterion in criteria.items()}
    for _ in range(TRIES):
        failed = [key for key, met in verdicts.items() if met is False]
        undecided = [key for key, met in verdicts.items() if met is None]
        if not failed and not undecided:
            return answers
        looked_at = needs[chance.choice(failed + undecided)]
        before = answers
        drawn = {key: answer(items[key], chance, today) for key in sorted(looked_at & items.keys())}
        answers = _only_asked(before | drawn, items.values(), chance, today)
        changed = {key for key in items if answers.get(key) != before.get(key)}
        verdicts |= {key: holds(criteria[key], answers) for key in criteria if needs[key] & changed}
    raise RuntimeError(f"{TRIES} draws of answers found nobody who fits {protocol.slug}.")


def _only_asked(
    answers: dict[str, Any], items: Iterable[Item], chance: Random, today: date
) -> dict[str, Any]:
    """After a change, some items are asked that were not, and the other way round."""
    kept: dict[str, Any] = {}
    for item in items:
        if item.shown_if is None or expressions.evaluate(item.shown_if, kept) is True:
            kept[item.key] = answers.get(item.key, answer(item, chance, today))
    return kept
