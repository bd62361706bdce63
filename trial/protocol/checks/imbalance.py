"""What many strata cost: by how much the arms are expected to miss the ratio at the end.

Each stratum of a trial with n participants in S strata gets a binomial number of them, n/S on average, by
itself, and its list stops wherever it then is: in a block that nobody finishes, say. Let Y be how many more
one arm has got than another, beyond what the ratio plans; over all strata the Y add up.

E|Y| is exact up to rounding. X = dY is whole, with d the denominator of what the ratio plans for each place,
and its sum over all strata never beyond some bound B. On the whole numbers from -M/2 to M/2, M ≥ 2B even,

    |x| = M/4 - Σ cos(2πkx/M) / (M sin²(πk/M)),   k = 1, 3, 5, …, M - 1

is the finite Fourier series. So E|X| = M/4 - Σ Re φ(2πk/M) / (M sin²(πk/M)), and φ, the characteristic
function of the sum over S strata, is the one of a single stratum to the power S.
"""

import cmath
from collections import defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import ceil, comb, exp, lgamma, log, pi, sin, sqrt

Chances = Mapping[int, float]
"""How many more one arm has got than another, to the probability of it."""

NEGLIGIBLE = 1e-12


def expected_imbalance(
    after: Sequence[Chances], *, planned: Fraction, participants: int, strata: int
) -> float:
    """By how many participants the numbers of two arms are expected to miss the ratio at the end.

    `after[m]` are the chances when m places of a stratum are used, up to `most_places`; `planned` is the
    difference that the ratio plans for each place.
    """
    scale = planned.denominator
    one: dict[int, float] = defaultdict(float)
    for places, weight in enumerate(_binomial(participants, strata)):
        for difference, chance in after[places].items():
            one[scale * difference - places * planned.numerator] += weight * chance
    period = 2 * strata * max(map(abs, one)) + 2
    total = 0.0
    for k in range(1, period, 2):
        turn = cmath.exp(2j * pi * k / period)
        total += (sum(chance * turn**x for x, chance in one.items()) ** strata).real / sin(
            pi * k / period
        ) ** 2
    return max(0.0, period / 4 - total / period) / scale


def most_places(participants: int, strata: int) -> int:
    """More places than any stratum will use, but for a negligible chance."""
    mean = participants / strata
    return participants if strata == 1 else min(participants, ceil(mean + 8 * sqrt(mean) + 8))


def after_blocks(
    ratio: Mapping[str, int], arms: tuple[str, str], sizes: Sequence[int], most: int
) -> list[Chances]:
    """Two arms' difference after 0, 1, …, `most` places of permuted blocks whose sizes are equally likely."""
    within = {size: [_in_block(ratio, arms, size, used) for used in range(size)] for size in sizes}
    unit = sum(ratio.values())
    lead = ratio[arms[0]] - ratio[arms[1]]
    begins = [1.0] + [0.0] * most  # the chance that a block begins after so many places
    for place in range(1, most + 1):
        begins[place] = sum(begins[place - size] for size in sizes if size <= place) / len(sizes)
    after: list[Chances] = []
    for places in range(most + 1):
        chances: dict[int, float] = defaultdict(float)
        for size in sizes:
            for used in range(min(size, places + 1)):
                whole = (places - used) * lead // unit
                weight = begins[places - used] / len(sizes)
                for difference, chance in within[size][used].items():
                    chances[whole + difference] += weight * chance
        after.append(_likely(chances))
    return after


def after_coins(probability: Fraction, maximum: int | None, most: int) -> list[Chances]:
    """Two arms' difference after 0, 1, …, `most` tosses of a coin that prefers the arm that is behind."""
    after: list[Chances] = [{0: 1.0}]
    for _place in range(most):
        chances: dict[int, float] = defaultdict(float)
        for ahead, chance in after[-1].items():
            behind = 1.0 if maximum is not None and abs(ahead) >= maximum else float(probability)
            step = -1 if ahead > 0 else 1  # towards balance
            chances[ahead + step] += chance * (0.5 if ahead == 0 else behind)
            chances[ahead - step] += chance * (0.5 if ahead == 0 else 1 - behind)
        after.append(_likely(chances))
    return after


def _in_block(ratio: Mapping[str, int], arms: tuple[str, str], size: int, used: int) -> Chances:
    """The difference after `used` places of a shuffled block: hypergeometric."""
    repeats = size // sum(ratio.values())
    first, second = (ratio[arm] * repeats for arm in arms)
    others = size - first - second
    chances: dict[int, float] = defaultdict(float)
    for x in range(min(first, used) + 1):
        for y in range(min(second, used - x) + 1):
            ways = comb(first, x) * comb(second, y) * comb(others, used - x - y)
            chances[x - y] += ways / comb(size, used)
    return chances


def _binomial(participants: int, strata: int) -> list[float]:
    """Chance that a stratum has 0, 1, … of the participants."""
    if strata == 1:
        return [0.0] * participants + [1.0]
    to_be_in, not_to_be = log(1 / strata), log(1 - 1 / strata)
    ways = (
        lgamma(participants + 1) - lgamma(k + 1) - lgamma(participants - k + 1)
        for k in range(most_places(participants, strata) + 1)
    )
    return [exp(way + k * to_be_in + (participants - k) * not_to_be) for k, way in enumerate(ways)]


def _likely(chances: Mapping[int, float]) -> Chances:
    return {difference: chance for difference, chance in chances.items() if chance > NEGLIGIBLE}
