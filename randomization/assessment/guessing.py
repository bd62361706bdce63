"""How often the next arm can be guessed by somebody who knows all earlier allocations of the stratum.

The guesser names the likeliest arm (the convergence strategy of Blackwell and Hodges, Ann Math Stat
1957;28:449-60). A guess is *certain* where one arm alone is possible.

`open` is a guesser who knows the size of each block as it begins. `hidden` knows which sizes may come, that
each is as likely, and where the list begins, but not which sizes came: Bayes' rule over all possible
boundaries. A single size is soon found out, so the two are the same then. With two arms one to one the hidden
guesser is right as often as the open one, since the arm that is behind is the likelier one wherever the block
began; but far fewer guesses are certain. With blocks of 4 and 6 the means over the first 24 places are .6864
and .0578 (open: .6864 and .2667), over a long list .6933 and .0544 (open: .6933 and .2833).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import comb, prod

import numpy as np

from randomization.assessment.distribution import Floats
from randomization.designs import BlockDesign, CoinDesign

Composition = tuple[int, ...]
"""How many places of each arm are left in a block."""

HIDDEN_PLACES = 72
"""So many places are computed one by one for the hidden guesser; later ones are like the last third."""
MOST_STATES = 500
"""With so many things that may be left of a block the hidden guesser is computed in a minute: two arms in any
blocks, three in blocks of at most 18, four of 12. Beliefs and time grow fast beyond."""
_EXACTLY, _ROUNDED = 9, 3
_MOST_BELIEFS = 3000
"""From here on, beliefs that agree to a thousandth are taken as one: means over a list are wrong by less than
.0001."""


@dataclass(frozen=True)
class Guesses:
    """Probability of a correct and of a certain guess: of each place of a stratum, and over a long list."""

    correct: Floats
    certain: Floats
    long_correct: float
    long_certain: float

    def over(self, weights: Floats) -> tuple[float, float]:
        """The means with these weights of the places, which add up to 1."""
        return float(self.correct @ weights), float(self.certain @ weights)


@dataclass(frozen=True)
class InBlock:
    """Expected numbers in one whole block whose size is known."""

    correct: Fraction
    certain: Fraction


@cache
def _in_block(left: Composition) -> InBlock:
    total = sum(left)
    if total == 0:
        return InBlock(Fraction(0), Fraction(0))
    correct, certain = Fraction(max(left), total), Fraction(max(left) == total)
    for arm, number in enumerate(left):
        if number:
            rest = _in_block(_without(left, arm))
            correct += Fraction(number, total) * rest.correct
            certain += Fraction(number, total) * rest.certain
    return InBlock(correct, certain)


def _without(left: Composition, arm: int) -> Composition:
    """One place of the arm fewer."""
    return (*left[:arm], left[arm] - 1, *left[arm + 1 :])


def open_guesses(design: BlockDesign, places: int) -> Guesses:
    """The guesser who knows each block's size as it begins, exactly."""
    shares = tuple(design.ratio.values())
    inside = {size: _along(tuple(s * size // sum(shares) for s in shares)) for size in design.block_sizes}
    begins = boundaries(design.block_sizes, places)
    guesses = np.zeros((2, places))
    for size, along in inside.items():
        for used in range(min(size, places)):
            guesses[:, used:] += np.outer(along[used], begins[: places - used]) / len(inside)
    whole = [_in_block(tuple(s * size // sum(shares) for s in shares)) for size in inside]
    total = sum(inside)
    return Guesses(
        guesses[0],
        guesses[1],
        float(sum((block.correct for block in whole), Fraction(0)) / total),
        float(sum((block.certain for block in whole), Fraction(0)) / total),
    )


def boundaries(sizes: Sequence[int], places: int) -> Floats:
    """Probability that a block begins after 0, 1, … `places` allocations: the renewal equation."""
    begins = np.zeros(places + 1)
    begins[0] = 1
    for place in range(1, places + 1):
        begins[place] = sum(begins[place - size] for size in sizes if size <= place) / len(sizes)
    return begins


def compositions(block: Composition) -> list[Mapping[Composition, float]]:
    """After 0, 1, … allocations of a block: what may be left, with its probability (hypergeometric)."""
    after: list[Mapping[Composition, float]] = [{block: 1.0}]
    for _place in range(sum(block)):
        left: dict[Composition, float] = {}
        for now, probability in after[-1].items():
            for arm, number in enumerate(now):
                if number:
                    rest = _without(now, arm)
                    left[rest] = left.get(rest, 0.0) + probability * number / sum(now)
        after.append(left)
    return after


def _along(block: Composition) -> list[tuple[float, float]]:
    """Of each place of the block: the probability of a correct and of a certain guess."""
    return [
        (
            sum(p * max(left) / sum(left) for left, p in after.items()),
            sum(p for left, p in after.items() if max(left) == sum(left)),
        )
        for after in compositions(block)[:-1]
    ]


def can_be_believed(design: BlockDesign) -> bool:
    """Whether `hidden_guesses` can be computed."""
    shares, largest = list(design.ratio.values()), max(design.block_sizes)
    return prod(share * largest // sum(shares) + 1 for share in shares) <= MOST_STATES


def hidden_guesses(design: BlockDesign, places: int) -> Guesses:
    """The guesser who does not know which sizes came: forward filtering over all beliefs one may come to."""
    if len(design.block_sizes) == 1:
        return open_guesses(design, places)
    each = np.array(_believing(design.block_sizes, tuple(design.ratio.values())))
    late = each[:, -HIDDEN_PLACES // 3 :].mean(axis=1)
    known = each[:, :places]
    rest = np.repeat(late[:, None], places - known.shape[1], axis=1)
    correct, certain = np.concatenate([known, rest], axis=1)
    return Guesses(correct, certain, float(late[0]), float(late[1]))


@cache
def _believing(sizes: tuple[int, ...], shares: tuple[int, ...]) -> tuple[tuple[float, ...], ...]:
    """Correct and certain guesses at each of the first HIDDEN_PLACES places.

    A belief is a distribution over what may be left of the block; `step[arm]` carries it on to the next place
    after that arm came. All beliefs are carried at once, each with the probability of coming to it.
    """
    start, step = _carrying(sizes, shares)
    beliefs, weights = start[None, :], np.ones(1)
    correct, certain = [], []
    digits = _EXACTLY
    for _place in range(HIDDEN_PLACES):
        after = np.stack([beliefs @ arm for arm in step])
        chance = after.sum(axis=2)
        likeliest = chance.max(axis=0)
        correct.append(float(weights @ likeliest))
        certain.append(float(weights[likeliest > 1 - 1e-9].sum()))
        come = chance > 1e-12
        beliefs = (after / np.where(come, chance, 1)[:, :, None])[come]
        weights = (weights * chance)[come]
        _same, first, which = np.unique(
            np.round(beliefs, digits), axis=0, return_index=True, return_inverse=True
        )
        beliefs, weights = beliefs[first], np.bincount(which.ravel(), weights).astype(float)
        if len(weights) > _MOST_BELIEFS:
            digits = _ROUNDED if digits == _EXACTLY else max(digits - 1, 1)
    return tuple(correct), tuple(certain)


def _carrying(sizes: Sequence[int], shares: Composition) -> tuple[Floats, Floats]:
    """The belief at the start of a block, and for each arm the matrix from one place to the next."""
    whole = [tuple(share * size // sum(shares) for share in shares) for size in sizes]
    ranges = np.ndindex(*(max(one[arm] for one in whole) + 1 for arm in range(len(shares))))
    number = {left: at for at, left in enumerate(left for left in ranges if sum(left))}
    start = np.zeros(len(number))
    for one in whole:
        start[number[one]] += 1 / len(whole)
    step = np.zeros((len(shares), len(number), len(number)))
    for left, at in number.items():
        for arm, places in enumerate(left):
            if not places:
                continue
            rest = _without(left, arm)
            if sum(rest):
                step[arm, at, number[rest]] += places / sum(left)
            else:
                step[arm, at] += start
    return start, step


def coin_guesses(design: CoinDesign, places: int) -> Guesses:
    """The guesser who knows the rule: a Markov chain over how far one arm is ahead."""
    behind, limit = float(design.probability), design.maximum_imbalance
    ahead = np.zeros(places + 2)
    ahead[0] = 1
    correct, certain = np.zeros(places), np.zeros(places)
    chance = np.full(places + 2, behind)
    chance[0] = 0.5
    if limit is not None:
        chance[limit:] = 1
    for place in range(places):
        correct[place] = ahead @ chance
        certain[place] = ahead[chance == 1].sum()
        further, nearer = ahead * (1 - chance), ahead * chance
        ahead = np.zeros(places + 2)
        ahead[1:] += further[:-1]
        ahead[:-1] += nearer[1:]
        ahead[1] += nearer[0]  # from a tie, either arm comes one ahead
    return Guesses(correct, certain, *_coin_in_the_long_run(design))


def _coin_in_the_long_run(design: CoinDesign) -> tuple[float, float]:
    """By the chain's stationary distribution: from a difference of 1 on, each step is q/p as likely."""
    behind, limit = design.probability, design.maximum_imbalance
    odds = (1 - behind) / behind
    if limit is None:
        tie = (1 - odds) / 2  # 1/π₀ = 1 + (1/p)/(1 − q/p), so π₀ = (1 − q/p)/2
        return float(tie / 2 + (1 - tie) * behind), 0.0
    weights = [Fraction(1), *(odds**step / behind for step in range(limit))]
    weights[limit] = weights[limit - 1] * (1 - behind)
    total = sum(weights, Fraction(0))
    between = sum(weights[1:limit], Fraction(0))
    return float((weights[0] / 2 + between * behind + weights[limit]) / total), float(weights[limit] / total)


def simple_guesses(shares: Sequence[int], places: int) -> Guesses:
    """Nothing but the ratio helps."""
    best = max(shares) / sum(shares)
    return Guesses(np.full(places, best), np.zeros(places), best, 0.0)


def arrangements(block: Composition) -> int:
    """In how many orders the places of a block may stand."""
    left, ways = sum(block), []
    for number in block:
        ways.append(comb(left, number))
        left -= number
    return prod(ways)
