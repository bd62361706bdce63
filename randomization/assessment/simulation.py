"""Thousands of lists at once: what cannot be computed exactly.

All lists are carried from one participant to the next together, as rows of NumPy arrays. The stream is that
of PCG64 with the seed that the report names; it is for reports only and makes no sealed list (see `drbg`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, lcm
from typing import Any, Protocol

import numpy as np

from randomization.assessment.distribution import Floats, Integers
from randomization.designs import BlockDesign, CoinDesign, MinimizationDesign, SimpleDesign
from randomization.designs.base import StrataDesign
from randomization.drbg import WORD_VALUES

LISTS = 10_000


class Rule(Protocol):
    """The next arm of each list, as its number in the design's order."""

    def next(self, levels: Sequence[Integers], stratum: Integers) -> Integers:
        """For one participant of each list, with these levels of the factors and so in this stratum."""

    chances: Floats
    """Of each arm, for the participants that came last."""


@dataclass(frozen=True)
class Lists:
    """What came of the lists, one row each."""

    final: Integers
    """list × stratum × arm: numbers at the end."""
    course: Integers
    """moment × list × arm: numbers overall."""
    moments: tuple[int, ...]
    known: float
    """Correct guesses per allocation of who knows every earlier one and the rule."""
    certain: float
    tallied: float
    """Of who knows those of the participant's stratum alone: the arm that is furthest behind there."""


def simulate(
    design: StrataDesign,
    *,
    participants: int,
    moments: Sequence[int],
    seed: int,
    lists: int = LISTS,
    progress: Callable[[float], None] = lambda _share: None,
) -> Lists:
    """Lets so many participants come to each list. `progress` is told the share that is done."""
    chance = np.random.Generator(np.random.PCG64(seed))
    rows, shares = np.arange(lists), np.array(list(design.ratio.values()))
    sizes = [len(factor.levels) for factor in design.factors]
    rule = rule_of(design, lists, chance)
    final = np.zeros((lists, int(np.prod(sizes, dtype=int)), len(shares)), np.int32)
    overall = np.zeros((lists, len(shares)), np.int32)
    course, guessed = [], np.zeros(3)
    for came in range(1, participants + 1):
        levels = [chance.integers(0, size, lists) for size in sizes]
        stratum = np.ravel_multi_index(levels, sizes) if sizes else np.zeros(lists, np.int64)
        arm = rule.next(levels, stratum)
        guessed += _guesses(rule.chances, final[rows, stratum], shares)
        final[rows, stratum, arm] += 1
        overall[rows, arm] += 1
        if came in moments:
            course.append(overall.copy())
        if came % 20 == 0:
            progress(came / participants)
    return Lists(final, np.array(course), tuple(moments), *(guessed / participants / lists))


def _guesses(chances: Floats, earlier: Integers, shares: Integers) -> Floats:
    """Summed over lists: correct of who knows the chances, certain, correct of who tallies the stratum."""
    likeliest = chances.max(axis=1)
    behind = (earlier.sum(axis=1, keepdims=True) + 1) * shares - earlier * shares.sum()
    named = behind == behind.max(axis=1, keepdims=True)
    tallied = (chances * named).sum(axis=1) / named.sum(axis=1)
    return np.array([likeliest.sum(), (likeliest > 1 - 1e-9).sum(), tallied.sum()])


def rule_of(design: StrataDesign, lists: int, chance: np.random.Generator) -> Rule:
    """The design's rule for so many lists at once."""
    return _RULES[type(design)](design, lists, chance)


def _drawn(chances: Floats, chance: np.random.Generator) -> Integers:
    """An arm of each row, by its chances."""
    draw = chance.random(len(chances))
    reached: Integers = (np.cumsum(chances, axis=1)[:, :-1] <= draw[:, None]).sum(axis=1)
    return reached


def _strata(design: StrataDesign) -> int:
    return int(np.prod([len(factor.levels) for factor in design.factors], dtype=int))


class _Simple:
    def __init__(self, design: SimpleDesign, lists: int, chance: np.random.Generator) -> None:
        shares = np.array(list(design.ratio.values()), float)
        self._chance = chance
        self.chances = np.broadcast_to(shares / shares.sum(), (lists, len(shares)))

    def next(self, levels: Sequence[Integers], stratum: Integers) -> Integers:
        return _drawn(self.chances, self._chance)


class _Blocks:
    """`left[list, stratum, arm]`: places of the block that has begun."""

    chances: Floats

    def __init__(self, design: BlockDesign, lists: int, chance: np.random.Generator) -> None:
        shares = np.array(list(design.ratio.values()))
        self._whole = np.array([shares * (size // shares.sum()) for size in design.block_sizes])
        self._left = np.zeros((lists, _strata(design), len(shares)), np.int32)
        self._rows, self._chance = np.arange(lists), chance

    def next(self, levels: Sequence[Integers], stratum: Integers) -> Integers:
        left = self._left[self._rows, stratum]
        sizes = self._chance.integers(0, len(self._whole), len(left))
        left = np.where(left.sum(axis=1, keepdims=True) == 0, self._whole[sizes], left)
        self.chances = left / left.sum(axis=1, keepdims=True)
        arm = _drawn(self.chances, self._chance)
        left[self._rows, arm] -= 1
        self._left[self._rows, stratum] = left
        return arm


class _Coins:
    """`ahead[list, stratum]`: how many more of the first arm than of the second."""

    chances: Floats

    def __init__(self, design: CoinDesign, lists: int, chance: np.random.Generator) -> None:
        self._behind = float(design.probability)
        self._limit = design.maximum_imbalance
        self._ahead = np.zeros((lists, _strata(design)), np.int32)
        self._rows, self._chance = np.arange(lists), chance

    def next(self, levels: Sequence[Integers], stratum: Integers) -> Integers:
        ahead = self._ahead[self._rows, stratum]
        behind = np.full(len(ahead), self._behind)
        if self._limit is not None:
            behind[np.abs(ahead) >= self._limit] = 1
        first = np.where(ahead == 0, 0.5, np.where(ahead < 0, behind, 1 - behind))
        self.chances = np.stack([first, 1 - first], axis=1)
        arm = _drawn(self.chances, self._chance)
        self._ahead[self._rows, stratum] += 1 - 2 * arm.astype(np.int32)
        return arm


class Minimizing:
    """The same rule as `MinimizationDesign.decide`, in whole numbers, for many lists at once."""

    chances: Floats

    def __init__(self, design: MinimizationDesign, lists: int, chance: np.random.Generator) -> None:
        shares = list(design.ratio.values())
        self._by_share = np.array([lcm(*shares) // share for share in shares])
        self._measure = _range if design.imbalance == "range" else _variance
        self._weights = [factor.weight for factor in design.factors]
        self._counts = [
            np.zeros((lists, len(factor.levels), len(shares)), np.int64) for factor in design.factors
        ]
        self._table, self._limits = _by_preferred(design)
        self._rows, self._chance = np.arange(lists), chance

    def next(self, levels: Sequence[Integers], stratum: Integers) -> Integers:
        return self.decide(levels, self._chance.integers(0, WORD_VALUES, len(stratum)))

    def decide(self, levels: Sequence[Integers], draws: Integers) -> Integers:
        """Each list's arm by its draw; the numbers go up by one."""
        scores = self._scores(levels)
        preferred = scores == scores.min(axis=1, keepdims=True)
        which = preferred @ (1 << np.arange(preferred.shape[1]))
        self.chances = self._table[which]
        arm: Integers = (draws[:, None] >= self._limits[which][:, :-1]).sum(axis=1)
        for counts, level in zip(self._counts, levels, strict=True):
            counts[self._rows, level, arm] += 1
        return arm

    def _scores(self, levels: Sequence[Integers]) -> Integers:
        """list × arm, in units that are the same for all arms."""
        scores = np.zeros((len(self._rows), len(self._by_share)), np.int64)
        for counts, level, weight in zip(self._counts, levels, self._weights, strict=True):
            numbers = counts[self._rows, level] * self._by_share
            for arm, one in enumerate(self._by_share):
                numbers[:, arm] += one
                scores[:, arm] += weight * self._measure(numbers)
                numbers[:, arm] -= one
        return scores


def _range(numbers: Integers) -> Integers:
    spread: Integers = numbers.max(axis=1) - numbers.min(axis=1)
    return spread


def _variance(numbers: Integers) -> Integers:
    """Times k(k − 1) for k arms."""
    spread: Integers = numbers.shape[1] * (numbers**2).sum(axis=1) - numbers.sum(axis=1) ** 2
    return spread


def _by_preferred(design: MinimizationDesign) -> tuple[Floats, Integers]:
    """For each set of preferred arms (as bits): each arm's probability, and up to which draw it is taken."""
    arms = list(design.ratio)
    table = np.zeros((2 ** len(arms), len(arms)))
    limits = np.zeros((2 ** len(arms), len(arms)), np.int64)
    for which in range(1, 2 ** len(arms)):
        scores = {arm: Fraction(0 if which >> bit & 1 else 1) for bit, arm in enumerate(arms)}
        reached = Fraction(0)
        for bit, probability in enumerate(design.probabilities(scores).values()):
            reached += probability
            table[which, bit] = float(probability)
            limits[which, bit] = ceil(reached * WORD_VALUES)
    return table, limits


_RULES: dict[type[StrataDesign], Callable[[Any, int, np.random.Generator], Rule]] = {
    SimpleDesign: _Simple,
    BlockDesign: _Blocks,
    CoinDesign: _Coins,
    MinimizationDesign: Minimizing,
}
