"""Every number here stands in R's output; the commands are in the comments."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.duration.survfunc import SurvfuncRight
from statsmodels.stats.contingency_tables import Table2x2
from statsmodels.stats.proportion import confint_proportions_2indep

from analysis.statistics.power import events_needed, participants_per_arm
from analysis.statistics.proportions import compare_proportions, wilson
from analysis.statistics.survival import (
    Interval,
    NotEstimable,
    cox,
    kaplan_meier,
    log_rank,
    restricted_mean,
    restricted_mean_difference,
)

REFERENCE = Path(__file__).parent / "reference"


def columns(name: str, *wanted: str) -> tuple[np.ndarray, ...]:
    with (REFERENCE / name).open(newline="") as file:
        rows = list(csv.DictReader(file))
    return tuple(np.array([row[column] for row in rows]) for column in wanted)


@pytest.fixture(scope="module")
def lung():
    """`survival::lung`: time, died, sex (1 men, 2 women)."""
    time, status, sex = columns("lung.csv", "time", "status", "sex")
    return time.astype(float), status == "2", sex.astype(int)


@pytest.fixture(scope="module")
def curves(lung):
    time, died, sex = lung
    return {value: kaplan_meier(time[sex == value], died[sex == value]) for value in (1, 2)}


@pytest.mark.parametrize(
    ("sex", "median", "low", "high", "survival", "se"),
    [(1, 270, 212, 310, 0.336088, 0.043424), (2, 426, 348, 550, 0.526463, 0.059737)],
)
def test_kaplan_meier_of_lung_is_that_of_r(curves, sex, median, low, high, survival, se):
    # survfit(Surv(time, status) ~ sex, lung); summary(…, times = 365)
    curve = curves[sex]
    assert curve.quantile(0.5) == median
    assert curve.quantile_interval(0.5) == Interval(low, high)
    assert curve.at(365) == pytest.approx((survival, se), abs=1e-6)


def test_restricted_means_of_lung_are_those_of_r(curves):
    # print(survfit(Surv(time, status) ~ sex, lung), rmean = 365)
    assert restricted_mean(curves[1], 365) == pytest.approx((241.495, 10.3582), abs=1e-3)
    assert restricted_mean(curves[2], 365) == pytest.approx((297.465, 10.7913), abs=1e-3)
    difference = restricted_mean_difference(curves[1], curves[2], 365)
    assert difference.value == pytest.approx(55.9703, abs=1e-4)
    assert difference.se == pytest.approx(14.9581, abs=1e-4)
    assert difference.p == pytest.approx(0.000183, abs=1e-6)


def test_log_rank_of_lung_is_that_of_r(lung):
    # survdiff(Surv(time, status) ~ sex, lung); …, rho = 1
    assert log_rank(*lung) == pytest.approx((10.326742, 0.00131116), abs=1e-6)
    assert log_rank(*lung, rho=1)[0] == pytest.approx(12.714151, abs=1e-6)


def test_log_rank_of_veteran_is_that_of_r_with_and_without_strata():
    # survdiff(Surv(time, status) ~ trt, veteran); … + strata(celltype)
    time, status, arm, cell = columns("veteran.csv", "time", "status", "trt", "celltype")
    time, died = time.astype(float), status == "1"
    assert log_rank(time, died, arm)[0] == pytest.approx(0.00822734, abs=1e-8)
    assert log_rank(time, died, arm, strata=cell)[0] == pytest.approx(0.70174335, abs=1e-8)


def test_cox_of_lung_is_that_of_r_for_both_ways_with_ties(lung):
    # coxph(Surv(time, status) ~ sex, lung); …, ties = "breslow"
    time, died, sex = lung
    efron, breslow = cox(time, died, sex), cox(time, died, sex, ties="breslow")
    assert efron.coefficients[0] == pytest.approx(-0.53102354, abs=1e-8)
    assert efron.se[0] == pytest.approx(0.16717858, abs=1e-8)
    assert breslow.coefficients[0] == pytest.approx(-0.53039657, abs=1.1e-8)


def test_cluster_robust_cox_of_lung_is_that_of_r():
    # coxph(Surv(time, status) ~ sex, lung, cluster = inst, subset = !is.na(inst))
    time, status, sex, inst = columns("lung.csv", "time", "status", "sex", "inst")
    known = ~np.isin(inst, ["", "NA"])
    time, died, sex = time[known].astype(float), status[known] == "2", sex[known].astype(float)
    fit = cox(time, died, sex, clusters=inst[known])
    assert fit.coefficients[0] == pytest.approx(-0.52873161, abs=1.1e-8)
    assert fit.robust_se[0] == pytest.approx(0.13985034, abs=1.1e-8)


def test_robust_errors_with_breslows_ties_are_refused(lung):
    with pytest.raises(ValueError, match="Efron"):
        cox(*lung, ties="breslow", clusters=lung[2])


def test_the_published_result_of_workup_is_reproduced():
    # 108 of 127 in structured care against 127 of 171 in usual care
    result = compare_proportions(108, 127, 127, 171)
    assert result.risk_difference == pytest.approx(0.1077, abs=5e-5)
    assert result.risk_difference_interval.low == pytest.approx(0.01398, abs=5e-6)
    assert result.risk_difference_interval.high == pytest.approx(0.19500, abs=5e-6)
    assert result.odds_ratio.value == pytest.approx(1.9693, abs=5e-5)
    assert result.odds_ratio.interval.low == pytest.approx(1.0850, abs=5e-5)
    assert result.odds_ratio.interval.high == pytest.approx(3.5743, abs=5e-5)
    assert result.risk_ratio.value == pytest.approx(1.1450, abs=5e-5)
    assert result.risk_ratio.interval.low == pytest.approx(1.0212, abs=5e-5)
    assert result.risk_ratio.interval.high == pytest.approx(1.2839, abs=5e-5)
    assert result.chi2 == pytest.approx(5.0707, abs=5e-5)
    assert result.chi2_p == pytest.approx(0.02433, abs=5e-6)
    assert result.fisher_p == pytest.approx(0.03098, abs=5e-6)


def test_sample_sizes_are_those_of_r_and_schoenfeld():
    # R: power.prop.test with p1 = .85, p2 = .74, power = .8
    assert participants_per_arm(0.85, 0.74) == pytest.approx(210.3, abs=0.05)
    assert events_needed(1.5) == 191


def test_a_curve_that_lies_on_one_half_has_its_median_in_the_middle():
    # survfit(Surv(1:4, rep(1, 4)) ~ 1): 2.5, where statsmodels says 3
    assert kaplan_meier([1, 2, 3, 4], [1, 1, 1, 1]).quantile(0.5) == 2.5
    assert SurvfuncRight(np.arange(1.0, 5), np.ones(4)).quantile(0.5) == 3
    # R's `survmean` takes the middle only of a stretch that ends
    assert kaplan_meier([1, 2, 3, 10], [1, 1, 0, 0]).quantile(0.5) == 2


def test_a_group_without_events_has_a_flat_curve_and_no_median():
    curve = kaplan_meier([1, 2, 3], [0, 0, 0])
    assert curve.at(2) == (1, 0)
    assert curve.quantile(0.5) is None
    assert restricted_mean(curve, 2) == (2, 0)


def test_what_cannot_be_estimated_is_refused_by_name():
    with pytest.raises(NotEstimable):
        kaplan_meier([], [])
    with pytest.raises(NotEstimable):
        log_rank([1, 2], [1, 1], ["A", "A"])
    with pytest.raises(NotEstimable):
        log_rank([1, 2], [0, 0], ["A", "B"])
    with pytest.raises(NotEstimable):
        log_rank([1, 1, 5, 6], [0, 0, 1, 1], ["A", "A", "B", "B"])
    with pytest.raises(NotEstimable):
        cox([1, 2], [0, 0], np.array([0, 1]))
    with pytest.raises(NotEstimable):
        compare_proportions(0, 0, 1, 2)
    with pytest.raises(NotEstimable):
        wilson(0, 0)
    with pytest.raises(ValueError, match="between nobody and everybody"):
        compare_proportions(3, 2, 1, 2)
    with pytest.raises(ValueError, match="equally long"):
        kaplan_meier([1, 2], [1])
    with pytest.raises(ValueError, match="not negative"):
        kaplan_meier([-1], [1])


def test_a_zero_in_the_table_leaves_a_difference_but_no_ratio():
    result = compare_proportions(0, 5, 3, 5)
    assert result.risk_difference == pytest.approx(-0.6)
    assert result.odds_ratio.value is None
    assert result.risk_ratio.interval == Interval(None, None)
    assert compare_proportions(5, 5, 5, 5).chi2 is None


@given(
    st.lists(st.tuples(st.integers(1, 30), st.booleans()), min_size=2, max_size=40).filter(
        lambda people: any(event for _, event in people)
    )
)
def test_the_curve_agrees_with_statsmodels(people):
    times = np.array([time for time, _ in people], dtype=float)
    events = np.array([event for _, event in people])
    ours = kaplan_meier(times, events)
    with np.errstate(divide="ignore", invalid="ignore"):
        theirs = SurvfuncRight(times, events.astype(int))
    assert ours.times == pytest.approx(theirs.surv_times)
    assert ours.survival == pytest.approx(theirs.surv_prob)
    assert ours.se == pytest.approx(theirs.surv_prob_se, nan_ok=True)


@given(st.integers(1, 60), st.integers(1, 60), st.data())
def test_two_proportions_agree_with_statsmodels(n_1, n_2, data):
    yes_1, yes_2 = data.draw(st.integers(0, n_1)), data.draw(st.integers(0, n_2))
    ours = compare_proportions(yes_1, n_1, yes_2, n_2)
    interval = ours.risk_difference_interval
    theirs = confint_proportions_2indep(yes_1, n_1, yes_2, n_2, method="newcomb")
    assert (interval.low, interval.high) == pytest.approx(theirs, abs=1e-9)
    cells = [[yes_1, n_1 - yes_1], [yes_2, n_2 - yes_2]]
    if all(all(row) for row in cells):
        table = Table2x2(np.array(cells), shift_zeros=False)
        assert ours.odds_ratio.value == pytest.approx(table.oddsratio)
        assert (ours.odds_ratio.interval.low, ours.odds_ratio.interval.high) == pytest.approx(
            table.oddsratio_confint()
        )
        assert (ours.risk_ratio.interval.low, ours.risk_ratio.interval.high) == pytest.approx(
            table.riskratio_confint()
        )
