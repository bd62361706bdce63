"""Time to event: Kaplan–Meier, restricted mean, log-rank and Cox, with R's `survival` as the yardstick.

Times are days (any unit works), `events` is 1 or True for an event and 0 or False for censoring.
statsmodels does the tests and Cox; the Kaplan–Meier curve is our own, because `SurvfuncRight.quantile`
takes the right end where R takes the middle of a curve that lies exactly on one half, and because it
cannot hold a group without events.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, norm

Floats = NDArray[np.float64]
TOLERANCE = 1.5e-8
"""Survival fractions this near to each other are the same number (R: square root of machine epsilon)."""


class NotEstimable(ValueError):
    """The data at hand hold too little (no one, no event, one group only) for the number that was asked
    for."""


@dataclass(frozen=True)
class Interval:
    """A confidence interval; a limit that the data do not reach is None."""

    low: float | None
    high: float | None


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error and two-sided p-value (against zero)."""

    value: float
    se: float
    p: float


@dataclass(frozen=True)
class SurvivalCurve:
    """Kaplan–Meier estimate of one group, as steps at the distinct event times.

    `times`, `survival`, `se` (Greenwood), `at_risk`, `events` have one entry per distinct event time, in
    order; all are empty when nobody had the event. `size` is the number of people, `last` the longest
    time seen.
    """

    times: Floats
    survival: Floats
    se: Floats
    at_risk: Floats
    events: Floats
    size: int
    last: float

    def at(self, time: float) -> tuple[float, float]:
        """S(time) and its standard error; (1, 0) before the first event."""
        index = int(np.searchsorted(self.times, time, side="right")) - 1
        return (1.0, 0.0) if index < 0 else (float(self.survival[index]), float(self.se[index]))

    def quantile(self, p: float) -> float | None:
        """The time by which a fraction `p` had the event; None if the curve does not come that far."""
        return _crossing(self.times, self.survival, 1 - p)

    def quantile_interval(self, p: float, level: float = 0.95) -> Interval:
        """The interval of `quantile` from the limits of `band`, as R's `survfit` gives it
        (`conf.type="log"`)."""
        low, high = self.band(level)
        return Interval(_crossing(self.times, low, 1 - p), _crossing(self.times, high, 1 - p))

    def band(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """Pointwise limits of S on the log scale, the upper one at most 1; NaN where S is 0."""
        z = norm.ppf(0.5 + level / 2)
        alive = self.survival > 0
        relative = np.full_like(self.survival, np.nan)
        relative[alive] = z * self.se[alive] / self.survival[alive]
        low, high = self.survival * np.exp(-relative), np.minimum(self.survival * np.exp(relative), 1.0)
        return low, high


def _crossing(times: Floats, curve: Floats, level: float) -> float | None:
    """The first time at which `curve` is at or below `level`.

    Where it lies on `level` before it falls further, the middle of that stretch.
    """
    below = np.flatnonzero(curve <= level + TOLERANCE)
    if not below.size:
        return None
    first = times[below[0]]
    beyond = np.flatnonzero(curve < level - TOLERANCE)
    if abs(curve[below[0]] - level) > TOLERANCE or not beyond.size:
        return float(first)
    return float((first + times[beyond[0]]) / 2)


def kaplan_meier(times: Sequence[float] | Floats, events: Sequence[int] | NDArray[Any]) -> SurvivalCurve:
    """Kaplan and Meier's estimate (1958) with Greenwood's standard error, for one group.

    The arguments are equally long, one entry per person. Raises NotEstimable for an empty group.
    """
    duration, happened = _checked(times, events)
    at, deaths = np.unique(duration[happened], return_counts=True)
    at_risk = np.array([(duration >= time).sum() for time in at], dtype=float)
    survival = np.cumprod(1 - deaths / at_risk)
    left = at_risk - deaths
    terms = np.divide(deaths, at_risk * left, out=np.full(at.shape, np.nan), where=left > 0)
    return SurvivalCurve(
        times=at,
        survival=survival,
        se=survival * np.sqrt(np.cumsum(terms)),
        at_risk=at_risk,
        events=deaths.astype(float),
        size=len(duration),
        last=float(duration.max()),
    )


def restricted_mean(curve: SurvivalCurve, until: float) -> tuple[float, float]:
    """Mean event-free time within [0, until] and its standard error, as R's `survmean` with `rmean=until`."""
    inside = curve.times < until
    edges = np.concatenate(([0.0], curve.times[inside], [until]))
    heights = np.concatenate(([1.0], curve.survival[inside]))
    areas = heights * np.diff(edges)
    remaining = areas.sum() - np.cumsum(areas)[:-1]
    left = curve.at_risk[inside] - curve.events[inside]
    hazard = np.divide(
        curve.events[inside], curve.at_risk[inside] * left, out=np.zeros(left.shape), where=left > 0
    )
    return float(areas.sum()), float(np.sqrt((remaining**2 * hazard).sum()))


def restricted_mean_difference(first: SurvivalCurve, second: SurvivalCurve, until: float) -> Estimate:
    """Restricted mean of `second` minus `first`, with the normal test of Royston and Parmar (2013)."""
    (mean_1, se_1), (mean_2, se_2) = restricted_mean(first, until), restricted_mean(second, until)
    se = float(np.hypot(se_1, se_2))
    if se == 0:
        raise NotEstimable("No event happened in either group within the period.")
    value = mean_2 - mean_1
    return Estimate(value, se, float(2 * norm.sf(abs(value) / se)))


def log_rank(
    times: Sequence[float] | Floats,
    events: Sequence[int] | NDArray[Any],
    groups: Sequence[Any] | NDArray[Any],
    *,
    strata: Sequence[Any] | NDArray[Any] | None = None,
    rho: float = 0,
) -> tuple[float, float]:
    """Chi-squared and p-value of R's `survdiff`: log-rank for rho 0, Peto and Peto's Wilcoxon for rho 1.

    Raises NotEstimable when there are fewer than two groups, no events, or never two groups at risk together.
    """
    from statsmodels.duration.survfunc import survdiff

    duration, happened = _checked(times, events)
    labels, codes = np.unique(np.asarray(groups), return_inverse=True)
    if len(labels) < 2 or not happened.any():
        raise NotEstimable("A comparison needs at least two groups and one event.")
    weights = {"weight_type": "fh", "fh_p": rho} if rho else {}
    try:
        with np.errstate(divide="ignore", invalid="ignore"):
            statistic, _ = survdiff(
                duration,
                happened.astype(int),
                codes,
                strata=None if strata is None else np.asarray(strata),
                **weights,
            )
    except np.linalg.LinAlgError:
        raise NotEstimable("The groups are never at risk at the same time.") from None
    return float(statistic), float(chi2.sf(statistic, len(labels) - 1))


@dataclass(frozen=True)
class CoxFit:
    """Log hazard ratios and their standard errors, one per covariate in the given order.

    `robust_se` is the standard error where people of one cluster may be alike; None where no clusters were
    given.
    """

    coefficients: Floats
    se: Floats
    robust_se: Floats | None = None


def cox(
    times: Sequence[float] | Floats,
    events: Sequence[int] | NDArray[Any],
    covariates: NDArray[Any],
    *,
    ties: Literal["efron", "breslow"] = "efron",
    clusters: Sequence[Any] | NDArray[Any] | None = None,
) -> CoxFit:
    """Cox's proportional hazards for right-censored times; `covariates` has one row per person (n × k).

    Efron's handling of ties is the default, as in R's `coxph` (statsmodels' own default is Breslow's).
    `clusters` names each person's cluster, for the robust variance of Lin and Wei (1989), as R's
    `coxph(…, cluster=)` with Efron's ties; statsmodels' own gives NaN where somebody is censored before the
    first event.
    """
    from statsmodels.duration.hazard_regression import PHReg

    duration, happened = _checked(times, events)
    matrix = np.asarray(covariates, dtype=float).reshape(len(duration), -1)
    if not happened.any():
        raise NotEstimable("A regression of hazards needs at least one event.")
    fit = PHReg(duration, matrix, status=happened.astype(int), ties=ties).fit()
    coefficients, se = np.asarray(fit.params), np.asarray(fit.bse)
    if clusters is None:
        return CoxFit(coefficients, se)
    if ties != "efron":
        raise ValueError("the robust variance is for Efron's ties")
    scores = _score_residuals(duration, happened, matrix, coefficients)
    _, codes = np.unique(np.asarray(clusters), return_inverse=True)
    together = np.zeros((codes.max() + 1, matrix.shape[1]))
    np.add.at(together, codes, scores)
    influence = together @ np.asarray(fit.cov_params())
    return CoxFit(coefficients, se, np.sqrt((influence**2).sum(axis=0)))


def _score_residuals(
    duration: Floats, happened: NDArray[np.bool_], covariates: Floats, coefficients: Floats
) -> Floats:
    """Each person's part of the score (n × k), with Efron's ties: Therneau and Grambsch (2000), ch. 4 and 7.

    Of d people with an event at one time, the j-th drawn (j = 0 … d − 1) meets a risk set in which each of
    them counts for 1 − j/d.
    """
    risk = np.exp(covariates @ coefficients)
    scores = np.zeros_like(covariates)
    for time in np.unique(duration[happened]):
        at_risk, event = duration >= time, (duration == time) & happened
        d = event.sum()
        for j in range(d):
            weight = risk * (at_risk - event * j / d)
            mean = weight @ covariates / weight.sum()
            scores += (event / d - weight / weight.sum())[:, None] * (covariates - mean)
    return scores


def _checked(
    times: Sequence[float] | Floats, events: Sequence[int] | NDArray[Any]
) -> tuple[Floats, NDArray[np.bool_]]:
    duration, happened = np.asarray(times, dtype=float), np.asarray(events).astype(bool)
    if duration.shape != happened.shape or duration.ndim != 1:
        raise ValueError("times and events must be equally long lists")
    if not duration.size:
        raise NotEstimable("There is nobody in the group.")
    if not np.isfinite(duration).all() or (duration < 0).any():
        raise ValueError("times must be finite and not negative")
    return duration, happened
