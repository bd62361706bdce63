"""What imbalance costs.

The variance of a difference between two arms with n₁ and n₂ participants is proportional to 1/n₁ + 1/n₂.
Against the planned shares w and 1 − w of n participants its information is E = n₁n₂ / (w(1 − w)·n²); one to
one, 4·n₁n₂/n². So a trial of n participants has the power of one with E·n in perfect balance (Lachin, Control
Clin Trials 1988;9:289-311): Φ(√E·(z₁₋α/₂ + z_power) − z₁₋α/₂). With three or more arms E is that of the pair
of arms that loses most. Where a plan is not one to one, chance may come nearer to that, and E may exceed 1.
"""

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist

import numpy as np

from randomization.assessment.distribution import Discrete, Floats
from randomization.assessment.scope import ALPHA, NOMINAL


def information(numbers: Floats, ratio: Sequence[int]) -> Floats:
    """E of each row of `numbers`, whose columns are the arms; 0 where one arm is empty."""
    whole = numbers.sum(axis=1)
    worst = np.full(len(numbers), np.inf)
    for one in range(len(ratio)):
        for other in range(one):
            both = numbers[:, one] + numbers[:, other]
            plan = ratio[one] * ratio[other] / (ratio[one] + ratio[other]) / sum(ratio)
            pair = numbers[:, one] * numbers[:, other] / np.maximum(both, 1) / np.maximum(whole, 1)
            worst = np.minimum(worst, pair / plan)
    return worst


def information_of(differences: Discrete, participants: int, ratio: Sequence[int]) -> Discrete:
    """E for the differences d = n₁·r₂ − n₂·r₁ of so many participants."""
    first, second = ratio
    ones = (differences.values + participants * first) / (first + second)
    numbers = np.stack([ones, participants - ones], axis=1)
    return Discrete.of(information(numbers, ratio), differences.chances)


def power(effective: float, *, nominal: float = NOMINAL, alpha: float = ALPHA) -> float:
    """Power of a two-sided test whose information is `effective` of what gives the nominal power."""
    normal = NormalDist()
    critical = normal.inv_cdf(1 - alpha / 2)
    return normal.cdf(sqrt(effective) * (critical + normal.inv_cdf(nominal)) - critical)
