"""Two proportions compared: how many of how many, in a first and a second arm."""

from dataclasses import dataclass
from math import exp, log, sqrt

from scipy.stats import chi2_contingency, fisher_exact, norm

from analysis.statistics.survival import Interval, NotEstimable


@dataclass(frozen=True)
class Ratio:
    """A ratio and its interval on the log scale.

    All None where a zero in the table leaves nothing to divide by.
    """

    value: float | None
    interval: Interval


@dataclass(frozen=True)
class TwoProportions:
    """The first arm against the second. Differences and ratios are first minus, or over, second."""

    yes_1: int
    n_1: int
    yes_2: int
    n_2: int
    risk_difference: float
    risk_difference_interval: Interval
    odds_ratio: Ratio
    risk_ratio: Ratio
    chi2: float | None
    chi2_p: float | None
    fisher_p: float


def compare_proportions(yes_1: int, n_1: int, yes_2: int, n_2: int, level: float = 0.95) -> TwoProportions:
    """`yes_1` of `n_1` against `yes_2` of `n_2`.

    Risk difference with Newcombe's hybrid score interval (1998, method 10), odds ratio and risk ratio
    with Wald intervals on the log scale, Pearson's chi-squared without continuity correction, Fisher's
    exact test (two-sided). Raises NotEstimable if an arm is empty, ValueError if the counts cannot be.
    """
    if not (0 <= yes_1 <= n_1 and 0 <= yes_2 <= n_2):
        raise ValueError("each count lies between nobody and everybody of its arm")
    if not n_1 or not n_2:
        raise NotEstimable("An arm has nobody to count.")
    no_1, no_2 = n_1 - yes_1, n_2 - yes_2
    table = [[yes_1, no_1], [yes_2, no_2]]
    z = float(norm.ppf(0.5 + level / 2))
    statistic = p = None
    if yes_1 + yes_2 and no_1 + no_2:
        statistic, p, *_ = (float(number) for number in chi2_contingency(table, correction=False)[:2])
    return TwoProportions(
        yes_1=yes_1,
        n_1=n_1,
        yes_2=yes_2,
        n_2=n_2,
        risk_difference=yes_1 / n_1 - yes_2 / n_2,
        risk_difference_interval=_newcombe(yes_1, n_1, yes_2, n_2, z),
        odds_ratio=_ratio((yes_1, no_2), (no_1, yes_2), (yes_1, no_1, yes_2, no_2), (1, 1, 1, 1), z),
        risk_ratio=_ratio((yes_1, n_2), (n_1, yes_2), (yes_1, n_1, yes_2, n_2), (1, -1, 1, -1), z),
        chi2=statistic,
        chi2_p=p,
        fisher_p=float(fisher_exact(table).pvalue),
    )


def wilson(yes: int, n: int, level: float = 0.95) -> Interval:
    """Wilson's score interval (1927) of one proportion. Raises NotEstimable for n = 0."""
    if not n:
        raise NotEstimable("There is nobody to count.")
    return Interval(*_wilson(yes, n, float(norm.ppf(0.5 + level / 2))))


def _wilson(yes: int, n: int, z: float) -> tuple[float, float]:
    centre, half = yes + z * z / 2, z * sqrt(yes * (n - yes) / n + z * z / 4)
    return (centre - half) / (n + z * z), (centre + half) / (n + z * z)


def _newcombe(yes_1: int, n_1: int, yes_2: int, n_2: int, z: float) -> Interval:
    p_1, p_2 = yes_1 / n_1, yes_2 / n_2
    (low_1, high_1), (low_2, high_2) = _wilson(yes_1, n_1, z), _wilson(yes_2, n_2, z)
    difference = p_1 - p_2
    return Interval(
        difference - sqrt((p_1 - low_1) ** 2 + (high_2 - p_2) ** 2),
        difference + sqrt((high_1 - p_1) ** 2 + (p_2 - low_2) ** 2),
    )


def _ratio(
    above: tuple[int, int], below: tuple[int, int], cells: tuple[int, ...], signs: tuple[int, ...], z: float
) -> Ratio:
    """A ratio of products; its log has the variance `sum(sign / cell)`."""
    if 0 in above or 0 in below:
        return Ratio(None, Interval(None, None))
    estimate = log(above[0] * above[1] / (below[0] * below[1]))
    half = z * sqrt(sum(sign / cell for sign, cell in zip(signs, cells, strict=True)))
    return Ratio(exp(estimate), Interval(exp(estimate - half), exp(estimate + half)))
