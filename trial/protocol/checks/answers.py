"""Expressions: every key they use exists and is answered by then, and they give true or false."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trial.protocol import expressions
from trial.protocol.checks.items import items_in
from trial.protocol.checks.problems import PROTOCOL, Problem, nearest
from trial.protocol.checks.readable import up_to_a_hole
from trial.protocol.locate import Path
from trial.protocol.reading import Study
from trial.protocol.schema import BASELINE, Criterion, Instrument, Item, Kind, Protocol
from trial.protocol.schema.base import Part

SAMPLES = 12
"""Sets of answers on which each expression is tried: each item's first, second … possible answer."""


@dataclass(frozen=True)
class Known:
    """What an expression may ask for: for each key some possible values."""

    values: Mapping[str, list[Any]]

    def sample(self, number: int) -> dict[str, Any]:
        return {key: values[number % len(values)] for key, values in self.values.items()}


def check(study: Study) -> Iterator[Problem]:
    yield from _shown_if(study.protocol, PROTOCOL)
    yield from _criteria(study)
    yield from _suggestions(study)
    for key, instrument in study.instruments.items():
        yield from _shown_if(instrument, key)
        yield from _groupings(instrument)


@up_to_a_hole
def _shown_if(part: Protocol | Instrument, source: str) -> Iterator[Problem]:
    """A condition may ask only for what was asked before."""
    before: dict[str, list[Any]] = {}
    for path, item in items_in(part):
        yield from _condition(item, "shown_if", path, source, Known(before), "asked before it")
        before[item.key] = _values(item)


@up_to_a_hole
def _criteria(study: Study) -> Iterator[Problem]:
    for number, criterion in enumerate(study.protocol.eligibility.criteria):
        yield from _criterion(study, criterion, ("eligibility", "criteria", number))


@up_to_a_hole
def _criterion(study: Study, criterion: Criterion, path: Path) -> Iterator[Problem]:
    asked_now = criterion.checked_by == "participant"
    if criterion.expression:
        known = _eligibility(study) if asked_now else _baseline(study)
        yield from _condition(criterion, "expression", path, PROTOCOL, known)
    elif asked_now:
        what = "what the participant's answers decide needs an expression"
        yield Problem(path, what, "or checked_by = “coordinator”")


@up_to_a_hole
def _suggestions(study: Study) -> Iterator[Problem]:
    if team := study.protocol.expert_team:
        known = _baseline(study)
        for number, profession in enumerate(team.professions):
            path = ("expert_team", "professions", number)
            yield from _condition(profession, "suggest", path, PROTOCOL, known)


@up_to_a_hole
def _groupings(instrument: Instrument) -> Iterator[Problem]:
    values = {item.key: _values(item) for item in instrument.items}
    values |= {score.key: [0.0, 1.5, 40.0] for score in instrument.scores}
    for number, grouping in enumerate(instrument.groupings):
        for place, group in enumerate(grouping.groups):
            path = ("groupings", number, "groups", place)
            yield from _condition(group, "when", path, instrument.key, Known(values))


def _eligibility(study: Study) -> Known:
    return Known({item.key: _values(item) for item in study.protocol.eligibility.items})


def _baseline(study: Study) -> Known:
    instruments = study.instruments_at(BASELINE)
    return Known({**_eligibility(study).values, **_instrument_values(instruments)})


@up_to_a_hole
def _condition(
    part: Part, key: str, path: Path, source: str, known: Known, when: str = "answered by then"
) -> Iterator[Problem]:
    if expression := getattr(part, key):
        yield from _expression(expression, (*path, key), source, known, when)


def _expression(expression: str, path: Path, source: str, known: Known, when: str) -> Iterator[Problem]:
    unknown = expressions.variables(expression) - known.values.keys()
    for name in sorted(unknown):
        what = f"no item or score “{name}” is {when}"
        yield Problem(path, what, nearest(name, known.values), source)
    if unknown:
        return
    for number in range(SAMPLES):
        try:
            expressions.evaluate(expression, known.sample(number))
        except expressions.ExpressionError as error:
            yield Problem(path, error.reason, "compare numbers with numbers, “texts” with “texts”", source)
            return
    yield from _options(expression, path, source, known.values)


def _options(
    expression: str, path: Path, source: str, known: Mapping[str, Collection[Any]]
) -> Iterator[Problem]:
    """A text in the expression that no option has is a misspelt option."""
    possible = {
        text
        for key in expressions.variables(expression)
        for value in known[key]
        for text in (value if isinstance(value, list) else [value])
        if isinstance(text, str)
    }
    for text in expressions.texts(expression):
        if text not in possible and not text[:1].isdigit():
            yield Problem(path, f"no option has the value “{text}”", nearest(text, possible), source)


def _instrument_values(instruments: list[Instrument]) -> dict[str, list[Any]]:
    values: dict[str, list[Any]] = {}
    for instrument in instruments:
        values |= {item.key: _values(item) for item in instrument.items}
        values |= {score.key: [0.0, 1.5, 40.0] for score in instrument.scores}
        values |= {one.key: [group.key for group in one.groups] for one in instrument.groupings}
    return values


def _values(item: Item) -> list[Any]:
    """Some possible answers to an item, as they are stored."""
    options = [option.value for option in item.options]
    match item.kind:
        case Kind.SINGLE:
            return options or [""]
        case Kind.MULTIPLE:
            return [[], *([option] for option in options), options]
        case Kind.YES_NO:
            return [True, False]
        case Kind.NUMBER | Kind.SCALE:
            bounds = [item.minimum or 0, item.maximum or 100]
            whole = item.step == int(item.step)
            return [int(bound) if whole else float(bound) for bound in bounds]
        case Kind.DATE:
            return ["2025-01-31", "2026-12-01"]
        case Kind.POSTAL_CODE:
            return ["0150", "7030"]
        case Kind.TEXT:
            return ["", "abc"]
