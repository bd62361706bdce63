"""Thousands of lists at once: what cannot be computed exactly.

All lists are carried from one participant to the next together, as columns of NumPy arrays. The stream is
that of PCG64 with the seed that the report names; it is for reports only and makes no sealed list (see
`drbg`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, lcm
from typing import Any, Protocol

import numpy as np

from randomization.assessment.distribution import Floats, Integers
from randomization.assessment.scope import count_of_strata
from randomization.designs import BlockDesign, CoinDesign, MinimizationDesign, SimpleDesign
from randomization.designs.base import StrataDesign
from randomization.drbg import WORD_VALUES

LISTS = 10_000


class Rule(Protocol):
    """Gives the next arm of each list, as its number in the design's order."""

    chances: Floats
    """arm × list, of the participants who came last."""

    def next(self, levels: Sequence[Integers], places: Integers) -> Integers:
        """For one participant of each list. `levels` are the factors', `places` are where in an array of
        list × stratum the participant's own stratum stands."""


@dataclass(frozen=True)
class Lists:
    """What came of the lists."""

    final: Integers
    """arm × list × stratum: numbers at the end."""
    course: Integers
    """moment × arm × list: numbers overall."""
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
    rows, shares = np.arange(lists), np.array(list(design.ratio.values()), np.int32)[:, None]
    sizes = [len(factor.levels) for factor in design.factors]
    rule = rule_of(design, lists, chance)
    final = np.zeros((len(shares), count_of_strata(design) * lists), np.int32)
    overall = np.zeros((len(shares), lists), np.int32)
    course, guessed = [], np.zeros(3)
    for came in range(1, participants + 1):
        levels = [chance.integers(0, size, lists) for size in sizes]
        places = rows
        for level, size in zip(levels, sizes, strict=True):
            places = places * size + level
        arm = rule.next(levels, places)
        guessed += _guesses(rule.chances, final.take(places, axis=1), shares)
        _count(final, arm, places)
        _count(overall, arm, rows)
        if came in moments:
            course.append(overall.copy())
        if came % 20 == 0:
            progress(came / participants)
    numbers = final.reshape(len(shares), lists, -1)
    return Lists(numbers, np.array(course), tuple(moments), *(guessed / participants / lists))


def _count(numbers: Integers, arm: Integers, places: Integers) -> None:
    """One more of each list's arm at its place. No place comes twice."""
    numbers.reshape(-1)[arm * numbers.shape[1] + places] += 1


def _guesses(chances: Floats, earlier: Integers, shares: Integers) -> Floats:
    """Summed over lists: correct of who knows the chances, certain, correct of who tallies the stratum."""
    likeliest = chances.max(axis=0)
    behind = (earlier.sum(axis=0) + 1) * shares - earlier * shares.sum()
    named = behind == behind.max(axis=0)
    tallied = (chances * named).sum(axis=0) / named.sum(axis=0)
    return np.array([likeliest.sum(), (likeliest > 1 - 1e-9).sum(), tallied.sum()])


def rule_of(design: StrataDesign, lists: int, chance: np.random.Generator) -> Rule:
    """The design's rule for so many lists at once."""
    return _RULES[type(design)](design, lists, chance)


def _drawn(chances: Floats, chance: np.random.Generator) -> Integers:
    """An arm of each list, by its chances."""
    draw, reached = chance.random(chances.shape[1]), np.zeros(chances.shape[1])
    arm = np.zeros(chances.shape[1], np.int64)
    for probability in chances[:-1]:
        reached += probability
        arm += reached <= draw
    return arm


class _Simple:
    def __init__(self, design: SimpleDesign, lists: int, chance: np.random.Generator) -> None:
        shares = np.array(list(design.ratio.values()), float)[:, None]
        self._chance = chance
        self.chances = np.broadcast_to(shares / shares.sum(), (len(shares), lists))

    def next(self, levels: Sequence[Integers], places: Integers) -> Integers:
        return _drawn(self.chances, self._chance)


class _Blocks:
    """Keeps how many places of each arm are left of the block that has begun."""

    chances: Floats

    def __init__(self, design: BlockDesign, lists: int, chance: np.random.Generator) -> None:
        shares = np.array(list(design.ratio.values()), np.int32)
        units = np.array(design.block_sizes) // shares.sum()
        self._whole = shares[:, None] * units.astype(np.int32)
        self._left = np.zeros((len(shares), count_of_strata(design) * lists), np.int32)
        self._lists, self._chance = np.arange(lists), chance

    def next(self, levels: Sequence[Integers], places: Integers) -> Integers:
        left = self._left.take(places, axis=1)
        total = left.sum(axis=0)
        sizes = self._chance.integers(0, self._whole.shape[1], len(places))
        ended = np.flatnonzero(total == 0)
        left[:, ended] = self._whole[:, sizes[ended]]
        total[ended] = left[:, ended].sum(axis=0)
        self.chances = left / total
        arm = _drawn(self.chances, self._chance)
        left.reshape(-1)[arm * len(places) + self._lists] -= 1
        self._left[:, places] = left
        return arm


class _Coins:
    """Keeps how many more of the first arm than of the second there are."""

    chances: Floats

    def __init__(self, design: CoinDesign, lists: int, chance: np.random.Generator) -> None:
        self._behind = float(design.probability)
        self._limit = design.maximum_imbalance
        self._ahead = np.zeros(count_of_strata(design) * lists, np.int32)
        self._chance = chance

    def next(self, levels: Sequence[Integers], places: Integers) -> Integers:
        ahead = self._ahead[places]
        behind = np.full(len(ahead), self._behind)
        if self._limit is not None:
            behind[np.abs(ahead) >= self._limit] = 1
        first = np.where(ahead == 0, 0.5, np.where(ahead < 0, behind, 1 - behind))
        self.chances = np.stack([first, 1 - first])
        arm = _drawn(self.chances, self._chance)
        self._ahead[places] = ahead + 1 - 2 * arm
        return arm


class Minimizing:
    """The same rule as `MinimizationDesign.decide`, in whole numbers, for many lists at once."""

    chances: Floats

    def __init__(self, design: MinimizationDesign, lists: int, chance: np.random.Generator) -> None:
        shares = list(design.ratio.values())
        self._by_share = np.array([lcm(*shares) // share for share in shares], np.int32)
        self._measure = _range if design.imbalance == "range" else _variance
        self._sizes = [len(factor.levels) for factor in design.factors]
        self._weights = [factor.weight for factor in design.factors]
        self._counts = [
            np.zeros((len(shares), len(factor.levels) * lists), np.int32) for factor in design.factors
        ]
        self._table, self._limits = _by_preferred(design)
        self._lists, self._chance = np.arange(lists), chance

    def next(self, levels: Sequence[Integers], places: Integers) -> Integers:
        return self.decide(levels, self._chance.integers(0, WORD_VALUES, len(places)))

    def decide(self, levels: Sequence[Integers], draws: Integers) -> Integers:
        """Each list's arm by its draw; the numbers go up by one."""
        at = [self._lists * size + level for size, level in zip(self._sizes, levels, strict=True)]
        scores = self._scores(at)
        preferred = scores == scores.min(axis=0)
        which = np.zeros(len(draws), np.int64)
        for bit, arm_is_preferred in enumerate(preferred):
            which += arm_is_preferred.astype(np.int64) << bit
        self.chances = self._table.take(which, axis=1)
        arm = np.zeros(len(draws), np.int64)
        for limit in self._limits[:-1]:
            arm += draws >= limit[which]
        for counts, places in zip(self._counts, at, strict=True):
            _count(counts, arm, places)
        return arm

    def _scores(self, at: Sequence[Integers]) -> Integers:
        """arm × list, in units that are the same for all arms."""
        scores = np.zeros((len(self._by_share), len(self._lists)), np.int64)
        for counts, places, weight in zip(self._counts, at, self._weights, strict=True):
            numbers = counts.take(places, axis=1) * self._by_share[:, None]
            for arm, one in enumerate(self._by_share):
                numbers[arm] += one
                scores[arm] += weight * self._measure(numbers)
                numbers[arm] -= one
        return scores


def _range(numbers: Integers) -> Integers:
    spread: Integers = numbers.max(axis=0) - numbers.min(axis=0)
    return spread


def _variance(numbers: Integers) -> Integers:
    """Times k(k − 1) for k arms."""
    wide = numbers.astype(np.int64)
    spread: Integers = len(wide) * (wide**2).sum(axis=0) - wide.sum(axis=0) ** 2
    return spread


def _by_preferred(design: MinimizationDesign) -> tuple[Floats, Integers]:
    """arm × set of preferred arms (as bits): the arm's probability, and up to which draw it is taken."""
    arms = list(design.ratio)
    table = np.zeros((len(arms), 2 ** len(arms)))
    limits = np.zeros((len(arms), 2 ** len(arms)), np.int64)
    for which in range(1, 2 ** len(arms)):
        scores = {arm: Fraction(0 if which >> bit & 1 else 1) for bit, arm in enumerate(arms)}
        reached = Fraction(0)
        for bit, probability in enumerate(design.probabilities(scores).values()):
            reached += probability
            table[bit, which] = float(probability)
            limits[bit, which] = ceil(reached * WORD_VALUES)
    return table, limits


_RULES: dict[type[StrataDesign], Callable[[Any, int, np.random.Generator], Rule]] = {
    SimpleDesign: _Simple,
    BlockDesign: _Blocks,
    CoinDesign: _Coins,
    MinimizationDesign: Minimizing,
}
