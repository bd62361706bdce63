"""Imbalance of two arms, exactly: its distribution within a stratum, and summed over strata.

Participants come from each of S strata with the same probability, so their numbers are multinomial. The sum
over strata is found as the sum of S independent strata with Poisson numbers, given that they add up to n: by
the joint generating function of number and difference and the fast Fourier transform. The only error is that
of rounding.

Differences are counted as d = n₁·r₂ − n₂·r₁ for a ratio r₁:r₂; the imbalance by share is |d| / (r₁·r₂).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log, sqrt

import numpy as np
from scipy.fft import next_fast_len
from scipy.stats import binom, poisson

from randomization.assessment.distribution import Discrete, Floats, Integers
from randomization.assessment.guessing import boundaries, compositions
from randomization.designs import BlockDesign, CoinDesign, SimpleDesign

TwoArms = SimpleDesign | BlockDesign | CoinDesign
_NOTHING, _NOISE = 1e-18, 1e-13
_STANDARD_DEVIATIONS = 12
_AT_ONCE = 2**21
"""Numbers in one piece of the transform."""


@dataclass(frozen=True)
class Differences:
    """`chances[m, d + reach]`: the probability of the difference d after m participants of one stratum."""

    chances: Floats
    reach: int


def differences_of(design: TwoArms, most: int) -> Differences:
    """The distributions after 0, 1, … `most` participants."""
    if isinstance(design, BlockDesign):
        return _blocks(design, most)
    if isinstance(design, CoinDesign):
        return _coins(design, most)
    return _independent(design, most)


def _blocks(design: BlockDesign, most: int) -> Differences:
    """A block of size s begins at m − k with the renewal probability, and k of its places are used."""
    first, second = design.ratio.values()
    units = max(design.block_sizes) // (first + second)
    reach = units * first * second
    begins = boundaries(design.block_sizes, most)
    chances = np.zeros((most + 1, 2 * reach + 1))
    for size in design.block_sizes:
        whole = (size * first // (first + second), size * second // (first + second))
        for used, after in enumerate(compositions(whole)[:-1]):
            differences = np.zeros(2 * reach + 1)
            for left, probability in after.items():
                d = (whole[0] - left[0]) * second - (whole[1] - left[1]) * first
                differences[reach + d] += probability
            if used <= most:
                begun = begins[: most + 1 - used] / len(design.block_sizes)
                chances[used:] += np.outer(begun, differences)
    return Differences(chances, reach)


def _coins(design: CoinDesign, most: int) -> Differences:
    """A Markov chain; without a maximum it is cut where nobody will ever come."""
    behind, limit = float(design.probability), design.maximum_imbalance
    reach = most if limit is None else min(limit, most)
    if behind > 0.5:
        reach = min(reach, ceil(log(_NOTHING) / log((1 - behind) / behind)))
    reach = max(reach, 1)
    ahead = np.arange(-reach, reach + 1)
    up = np.where(ahead < 0, behind, np.where(ahead > 0, 1 - behind, 0.5))
    up[0], up[-1] = 1, 0
    if reach == 1 and limit != 1:
        up[0], up[-1] = behind, 1 - behind
    chances = np.zeros((most + 1, 2 * reach + 1))
    chances[0, reach] = 1
    for m in range(most):
        chances[m + 1, 1:] += chances[m, :-1] * up[:-1]
        chances[m + 1, :-1] += chances[m, 1:] * (1 - up[1:])
    return Differences(chances, reach)


def _independent(design: SimpleDesign, most: int) -> Differences:
    first, second = design.ratio.values()
    reach = most * max(first, second)
    chances = np.zeros((most + 1, 2 * reach + 1))
    for m in range(most + 1):
        ones = np.arange(m + 1)
        chances[m, reach + ones * second - (m - ones) * first] = binom.pmf(ones, m, first / (first + second))
    return Differences(chances, reach)


def difference(design: TwoArms, *, strata: int, participants: int, copies: int) -> Discrete:
    """Of the sum of d over `copies` of the strata, when so many participants came to all of them."""
    if isinstance(design, SimpleDesign):
        return _of_a_simple_one(design, copies / strata, participants)
    if strata == 1:
        stratum = differences_of(design, participants)
        return _discrete(stratum.chances[participants], stratum.reach)
    numbers = _likely_numbers(participants, 1 / strata)
    return _summed(differences_of(design, int(numbers[-1])), strata, participants, copies)


def _likely_numbers(participants: int, share: float) -> Integers:
    """From 0 to what a part of the trial will never pass."""
    most = participants * share + _STANDARD_DEVIATIONS * sqrt(participants * share) + 30
    return np.arange(min(participants, ceil(most)) + 1)


def _of_a_simple_one(design: SimpleDesign, share: float, participants: int) -> Discrete:
    """Nothing ties allocations to strata: binomial given the number, which is binomial itself."""
    first, second = design.ratio.values()
    numbers = np.array([participants]) if share == 1 else _likely_numbers(participants, share)
    values, chances = [], []
    for m in numbers[binom.pmf(numbers, participants, share) > _NOTHING]:
        ones = np.arange(int(m) + 1)
        values.append(ones * second - (m - ones) * first)
        chances.append(binom.pmf(ones, m, first / (first + second)) * binom.pmf(m, participants, share))
    return Discrete.of(np.concatenate(values).astype(float), np.concatenate(chances))


def _summed(stratum: Differences, strata: int, participants: int, copies: int) -> Discrete:
    most = len(stratum.chances) - 1
    numbers = np.arange(most + 1)
    joint = stratum.chances * poisson.pmf(numbers, participants / strata)[:, None]
    reach = _reach_of_sum(stratum, copies)
    width = next_fast_len(2 * reach + 1, real=True)
    length = next_fast_len(ceil(participants + _STANDARD_DEVIATIONS * sqrt(participants) + 50))
    others = participants * (strata - copies) / strata
    total = np.arange(participants + 1)
    weights = poisson.pmf(participants - total, others) / poisson.pmf(participants, participants)
    pick = np.fft.ifft(weights, length)
    turned = np.zeros((most + 1, width))
    for at, d in enumerate(range(-stratum.reach, stratum.reach + 1)):
        turned[:, d % width] += joint[:, at]
    frequencies = np.fft.rfft(turned, axis=1)
    found = np.empty(frequencies.shape[1], complex)
    step = max(_AT_ONCE // length, 1)
    for start in range(0, len(found), step):
        part = np.fft.fft(frequencies[:, start : start + step], length, axis=0) ** copies
        found[start : start + step] = pick @ part
    chances = np.fft.irfft(found, width)
    summed = np.concatenate([chances[width - reach :], chances[: reach + 1]])
    told = _discrete(np.where(summed > _NOISE, summed, 0), reach)
    return Discrete(told.values[told.chances > 0], told.chances[told.chances > 0])


def _reach_of_sum(stratum: Differences, copies: int) -> int:
    """How far the sum may come: as far as it can, or as it ever will."""
    squares = np.arange(-stratum.reach, stratum.reach + 1) ** 2
    deviation = sqrt(float((stratum.chances @ squares).max()) * copies)
    return min(copies * stratum.reach, ceil(_STANDARD_DEVIATIONS * deviation) + stratum.reach)


def _discrete(chances: Floats, reach: int) -> Discrete:
    return Discrete.of(np.arange(-reach, reach + 1).astype(float), chances)


def as_imbalance(differences: Discrete, ratio: Sequence[int]) -> Discrete:
    """|d| by share."""
    first, second = ratio
    return Discrete.of(np.abs(differences.values) / (first * second), differences.chances)


def within_strata(design: TwoArms, *, strata: int, participants: int) -> float:
    """Expected Σ n₁n₂/(n₁+n₂) over the strata: the information of a comparison within each stratum."""
    first, second = design.ratio.values()
    numbers = np.array([participants]) if strata == 1 else _likely_numbers(participants, 1 / strata)
    stratum = differences_of(design, int(numbers[-1]))
    d = np.arange(-stratum.reach, stratum.reach + 1)
    expected = 0.0
    for m, chance in zip(numbers, binom.pmf(numbers, participants, 1 / strata), strict=True):
        if m and chance > _NOTHING:
            ones = (d + m * first) / (first + second)
            expected += chance * float(stratum.chances[m] @ (ones * (m - ones) / m))
    return strata * expected
