"""What lists are divided by: factors that are known before randomization, and not too many of them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations
from math import prod

from trial.protocol.checks.imbalance import (
    Chances,
    after_blocks,
    after_coins,
    expected_imbalance,
    most_places,
)
from trial.protocol.checks.items import repeated
from trial.protocol.checks.methods import LISTS, MOST_PLACES
from trial.protocol.checks.problems import Problem, nearest
from trial.protocol.checks.readable import up_to_a_hole
from trial.protocol.expressions import ExpressionError, evaluate
from trial.protocol.locate import Path
from trial.protocol.reading import Study
from trial.protocol.schema import BASELINE, Item, Kind, Protocol, StratumFactor
from trial.protocol.schema.trial import Level

MANY_STRATA = 20
"""Participants per stratum below which unfinished blocks begin to undo the balance."""
LONGEST_KEY = 400
"""Letters in the name of a stratum."""


@up_to_a_hole
def check(study: Study) -> Iterator[Problem]:
    protocol = study.protocol
    if protocol.randomization.method not in LISTS:
        return
    yield from _places(protocol)
    yield from _factors(study)
    if protocol.randomization.method == "minimization":
        return
    yield from _weights(protocol)
    yield from _names(protocol)
    yield from _number(protocol)


@up_to_a_hole
def _places(protocol: Protocol) -> Iterator[Problem]:
    design = protocol.randomization
    if design.places_per_stratum is None and design.method != "imported_list":
        yield Problem(("randomization",), "places_per_stratum is missing", "enough that no list runs out")
    if design.places_per_stratum is None or design.method == "minimization":
        return
    path, count = ("randomization", "places_per_stratum"), _count(protocol)
    places = design.places_per_stratum * count
    if places > MOST_PLACES:
        yield Problem(path, f"{count} strata would have {places} places, at most {MOST_PLACES} are possible")
    elif places < protocol.target:
        what = f"{count} strata have {places} places for {protocol.target} participants"
        yield Problem(path, what, "enough that no list runs out", note=True)


@up_to_a_hole
def _factors(study: Study) -> Iterator[Problem]:
    factors, path = study.protocol.randomization.strata, ("randomization", "strata")
    yield from repeated((factor.key for factor in factors), path)
    yield from repeated((factor.source for factor in factors), path, name="source")
    for number, factor in enumerate(factors):
        if factor.source != "site":
            yield from _factor(study, factor, (*path, number))
        elif factor.levels:
            yield Problem((*path, number, "levels"), "the sites themselves are the levels", "remove levels")


@up_to_a_hole
def _weights(protocol: Protocol) -> Iterator[Problem]:
    for number, factor in enumerate(protocol.randomization.strata):
        if factor.weight != 1:
            path = ("randomization", "strata", number, "weight")
            yield Problem(path, "belongs to minimization", "remove it")


@up_to_a_hole
def _names(protocol: Protocol) -> Iterator[Problem]:
    longest = sum(
        len(factor.key) + max(map(len, _levels(factor, protocol)), default=0) + 2
        for factor in protocol.randomization.strata
    )
    if longest - 1 > LONGEST_KEY:
        what = f"a stratum is named by all its factors and levels: more than {LONGEST_KEY} letters"
        yield Problem(("randomization", "strata"), what, "shorter keys")


@up_to_a_hole
def _number(protocol: Protocol) -> Iterator[Problem]:
    design, count, path = protocol.randomization, _count(protocol), ("randomization", "strata")
    if design.strata and design.method == "simple":
        yield Problem(path, "simple randomization balances no stratum", "permuted_blocks does", note=True)
    elif count > 1 and protocol.target < count * MANY_STRATA:
        each = protocol.target // count
        what = f"{count} strata leave about {each} participants for each: too many strata undo the balance"
        if can_be_known := _by_how_much(protocol, count):
            what += can_be_known
        yield Problem(path, what, "fewer factors or levels", note=True)


def _by_how_much(protocol: Protocol, strata: int) -> str:
    with_them, without = _imbalance(protocol, strata), _imbalance(protocol, 1)
    if with_them is None or without is None:
        return ""
    return (
        f". The arms are expected to miss the ratio by {with_them:.1f} participants at the end, "
        f"by {without:.1f} with one list for all"
    )


def _imbalance(protocol: Protocol, strata: int) -> float | None:
    """Of the two arms that miss the ratio most; None where the method does not say."""
    ratio, participants = protocol.randomization.ratio, protocol.target
    by_shares = {(ratio[first], ratio[second]): (first, second) for first, second in combinations(ratio, 2)}
    missed = []
    for (share, other), arms in by_shares.items():
        after = _after(protocol, arms, most_places(participants, strata))
        if after is None:
            return None
        planned = Fraction(share - other, sum(ratio.values()))
        missed.append(expected_imbalance(after, planned=planned, participants=participants, strata=strata))
    return max(missed, default=None)


def _after(protocol: Protocol, arms: tuple[str, str], most: int) -> list[Chances] | None:
    design = protocol.randomization
    if design.method in ("big_stick", "biased_coin"):
        return after_coins(Fraction(design.probability or "1/2"), design.maximum_imbalance, most)
    sizes, total = design.block_sizes, sum(design.ratio.values())
    if not sizes or any(size % total for size in sizes):
        return None
    return after_blocks(design.ratio, arms, sizes, most)


def _count(protocol: Protocol) -> int:
    return prod(len(_levels(factor, protocol)) for factor in protocol.randomization.strata)


def _levels(factor: StratumFactor, protocol: Protocol) -> list[str]:
    return [level.key for level in (protocol.sites if factor.source == "site" else factor.levels)]


@up_to_a_hole
def _factor(study: Study, factor: StratumFactor, path: Path) -> Iterator[Problem]:
    answered = {item.key: item for item in study.protocol.eligibility.items}
    if factor.source not in answered:
        answered |= {item.key: item for one in study.instruments_at(BASELINE) for item in one.items}
    if factor.source not in answered:
        what = f"no item “{factor.source}” is answered before randomization"
        yield Problem((*path, "source"), what, nearest(factor.source, [*answered, "site"]))
        return
    item = answered[factor.source]
    if not item.required or item.shown_if:
        yield Problem(
            (*path, "source"), f"“{item.key}” can stay unanswered", "required = true, and no shown_if"
        )
    if not factor.levels:
        yield Problem((*path, "levels"), f"“{item.key}” divides nobody", "give two levels or more")
        return
    yield from repeated((level.key for level in factor.levels), (*path, "levels"))
    if item.kind in (Kind.NUMBER, Kind.SCALE):
        yield from _ranges(item, factor.levels, (*path, "levels"))
    elif item.kind in (Kind.SINGLE, Kind.YES_NO):
        yield from _choices(study.protocol, item, factor.levels, (*path, "levels"))
    else:
        what = f"“{item.key}” is of kind “{item.kind}”"
        yield Problem((*path, "source"), what, "a stratum needs “single”, “yes_no”, “number” or “scale”")


def _ranges(item: Item, levels: Sequence[Level], path: Path) -> Iterator[Problem]:
    """Every answer must belong to one level, and every level must have answers."""
    starts = [level.minimum for level in levels if level.minimum is not None]
    if any(level.values for level in levels) or len(starts) < len(levels):
        yield Problem(path, f"“{item.key}” is a number", "each level needs a minimum, and no values")
        return
    if starts != sorted(set(starts)):
        yield Problem(path, "the minimum of each level must be larger than that of the level before")
    elif item.minimum is None or starts[0] != item.minimum:
        yield Problem(path, f"the first level must begin with the minimum of “{item.key}”")
    elif item.maximum is not None and starts[-1] > item.maximum:
        yield Problem(path, f"“{item.key}” has no answer above {item.maximum}")
    elif any((start - item.minimum) % item.step for start in starts):
        yield Problem(path, f"a level must begin with a possible answer to “{item.key}”")


def _choices(protocol: Protocol, item: Item, levels: Sequence[Level], path: Path) -> Iterator[Problem]:
    """Every option must belong to one level, unless who chooses it cannot take part."""
    if any(level.minimum is not None for level in levels):
        yield Problem(path, f"“{item.key}” is no number", "levels with values, and no minimum")
    for level in levels:
        if not level.values:
            yield Problem(path, f"no answer belongs to the level “{level.key}”", "give it values")
    answers: dict[str, bool | str] = {option.value: option.value for option in item.options}
    if item.kind == Kind.YES_NO:
        answers = {"yes": True, "no": False}
    values = [value for level in levels for value in level.values]
    for value in sorted(set(values) - set(answers)):
        yield Problem(path, f"“{item.key}” has no option “{value}”", nearest(value, answers))
    for value, count in Counter(values).items():
        if count > 1:
            yield Problem(path, f"the option “{value}” belongs to two levels")
    for value in sorted(set(answers) - set(values)):
        if not _excludes(protocol, item.key, answers[value]):
            yield Problem(path, f"the option “{value}” of “{item.key}” belongs to no level")


def _excludes(protocol: Protocol, key: str, answer: bool | str) -> bool:
    """Whether an answer alone means that somebody cannot take part, so that no list is needed for it."""
    for criterion in protocol.eligibility.criteria:
        if criterion.expression and criterion.checked_by == "participant":
            try:
                holds = evaluate(criterion.expression, {key: answer})
            except ExpressionError:
                continue
            if holds is (criterion.kind == "exclusion"):
                return True
    return False
