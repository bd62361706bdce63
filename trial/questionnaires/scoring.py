"""Scores and groups of an instrument. The rules come from its file; their sources are named there."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from trial.protocol.expressions import evaluate
from trial.protocol.schema import Band, Grouping, Instrument, Item, Kind, Score
from trial.questionnaires.value_sets import index


def results(instrument: Instrument, answers: Mapping[str, Any]) -> dict[str, float | str | None]:
    """All scores (numbers) and groups (keys) by key; None where too little was answered."""
    found: dict[str, float | str | None] = {
        score.key: score_of(instrument, score, answers) for score in instrument.scores
    }
    for grouping in instrument.groupings:
        found[grouping.key] = _group_of(grouping, {**answers, **found})
    return found


def score_of(instrument: Instrument, score: Score, answers: Mapping[str, Any]) -> float | None:
    """The score of answers, missing ones counting as the mean of the others; None with too few answers."""
    items = {item.key: item for item in instrument.items}
    numbers = [
        _number(items[key], answers[key], key in score.reversed)
        for key in score.items
        if answers.get(key) is not None
    ]
    if len(numbers) < score.needed:
        return None
    if score.value_set:
        return float(index(score.value_set, [int(number) for number in numbers]))
    mean = sum(numbers, Decimal(0)) / len(numbers)
    if score.method == "mean":
        return float(mean)
    return float(sum(numbers) if len(numbers) == len(score.items) else mean * len(score.items))


def band_of(score: Score, value: float | None) -> Band | None:
    """The named range in which a score lies."""
    if value is None:
        return None
    return next((band for band in reversed(score.bands) if value >= band.minimum), None)


def _number(item: Item, answer: Any, is_reversed: bool) -> Decimal:
    """What an answer counts."""
    if item.kind == Kind.SINGLE:
        scores = {option.value: option.score for option in item.options if option.score is not None}
        number, low, high = scores[answer], min(scores.values()), max(scores.values())
    else:
        number, low, high = Decimal(str(answer)), item.minimum or Decimal(0), item.maximum or Decimal(0)
    return low + high - number if is_reversed else number


def _group_of(grouping: Grouping, known: Mapping[str, Any]) -> str | None:
    """The first group that fits; None as soon as it cannot be told whether an earlier one does."""
    for group in grouping.groups:
        fits = evaluate(group.when, known)
        if fits is not False:
            return group.key if fits else None
    return None
