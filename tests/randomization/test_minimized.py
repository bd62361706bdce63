"""Minimization decides by its formula, keeps the ratio, and balances what it promises to balance."""

from collections import Counter
from fractions import Fraction
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from randomization.designs import Factor, MinimizationDesign, SimpleDesign
from randomization.drbg import WORD_VALUES
from tests.randomization.test_designs import (
    CHANCE,
    FACTORS,
    ONE_TO_ONE,
    assert_ratio,
    minimizations,
    named,
    quick,
    seed,
    seeds,
)


@quick
@given(minimizations(), st.data())
def test_minimization_decides_by_probabilities_that_add_up_and_prefer_the_best_arm(design, data):
    counts = {
        factor.key: {
            level: {arm: data.draw(st.integers(0, 5)) for arm in design.ratio} for level in factor.levels
        }
        for factor in design.factors
    }
    levels = {factor.key: data.draw(st.sampled_from(factor.levels)) for factor in design.factors}
    draw = data.draw(st.integers(0, WORD_VALUES - 1))

    decision = design.decide(levels, counts, draw)

    chances, total = decision.probabilities, sum(design.ratio.values())
    assert sum(chances.values()) == 1
    assert all(0 < chance < 1 for chance in chances.values())
    best = [arm for arm, score in decision.scores.items() if score == min(decision.scores.values())]
    fair = {arm: Fraction(share, total) for arm, share in design.ratio.items()}
    assert sum(chances[arm] for arm in best) >= sum(fair[arm] for arm in best)
    if len(best) == len(design.ratio):
        assert chances == fair
    if len(best) == 1 and design.ratio[best[0]] == min(design.ratio.values()):
        assert chances[best[0]] == design.probability
    below = [
        arm
        for arm, reached in zip(chances, accumulate(chances.values()), strict=True)
        if draw < reached * WORD_VALUES
    ]
    assert decision.arm == below[0]


def people(design):
    """Lists of participants, each by their levels."""
    one = st.fixed_dictionaries({factor.key: st.sampled_from(factor.levels) for factor in design.factors})
    return st.lists(one, min_size=1, max_size=60)


@settings(max_examples=20, deadline=None)
@given(minimizations(), seeds, st.data())
def test_the_ratio_is_kept_at_least_as_closely_as_by_chance_alone(design, seed, data):
    some = data.draw(people(design))
    (draws,) = design.list_from(seed, trial="t", sizes={"all": 240}).values()
    counts = {}
    for number, draw in enumerate(draws):
        count(counts, design.decide(some[number % len(some)], counts, int(draw)))
    first = design.factors[0].key
    assert_ratio(sum(counts[first].values(), Counter()), design.ratio)


@quick
@given(st.integers(2, 4), st.sampled_from(["range", "variance"]), st.integers(0, WORD_VALUES - 1), st.data())
def test_while_minimization_takes_a_preferred_arm_the_arms_of_a_factor_stay_within_one(
    arms, imbalance, draw, data
):
    design = MinimizationDesign(
        dict.fromkeys(named("arm", arms), 1), FACTORS[:1], 1, Fraction(9, 10), imbalance
    )
    counts = {}
    for levels in data.draw(people(design)):
        count(counts, preferring(design, levels, counts, draw))
        for got in counts["site"].values():
            numbers = [got[arm] for arm in design.ratio]
            assert max(numbers) - min(numbers) <= 1


@quick
@given(
    st.lists(st.integers(1, 3), min_size=2, max_size=2),
    st.fractions(Fraction(51, 100), Fraction(99, 100), max_denominator=100),
    st.lists(st.integers(0, WORD_VALUES - 1), min_size=60, max_size=60),
    st.booleans(),
    st.data(),
)
def test_of_two_arms_minimization_prefers_the_one_that_is_behind(weights, probability, draws, always, data):
    """Over the participant's levels, by weight. Always taken, the squares of all differences stay bounded:
    each participant adds at most the sum of the weights to them, and takes twice the lead away."""
    weighted = tuple(Factor(f.key, f.levels, weight) for f, weight in zip(FACTORS, weights, strict=True))
    design = MinimizationDesign(ONE_TO_ONE, weighted, 1, probability, "range")
    counts, most = {}, 0
    for levels, draw in zip(data.draw(people(design)), draws, strict=False):
        lead = sum(f.weight * ahead(counts, f.key, levels[f.key]) for f in weighted)
        decision = (preferring if always else MinimizationDesign.decide)(design, levels, counts, draw)
        assert decision.probabilities["new"] == (
            Fraction(1, 2) if lead == 0 else probability if lead < 0 else 1 - probability
        )
        count(counts, decision)
        most += sum(weights) - 2 * abs(lead)
        squares = sum(f.weight * ahead(counts, f.key, level) ** 2 for f in weighted for level in f.levels)
        assert not always or squares == most


def preferring(design, levels, counts, draw):
    """The decision by the next draw that takes an arm with the smallest imbalance."""
    for step in range(256):
        decision = design.decide(levels, counts, (draw + step * (WORD_VALUES // 256)) % WORD_VALUES)
        if decision.scores[decision.arm] == min(decision.scores.values()):
            return decision
    raise AssertionError


def count(counts, decision):
    for key, level in decision.levels.items():
        counts.setdefault(key, {}).setdefault(level, Counter())[decision.arm] += 1


def ahead(counts, key, level):
    got = counts.get(key, {}).get(level, Counter())
    return got["new"] - got["usual"]


# --- chance ---


def minimized(design, number_of_people, number):
    """The decisions about people with random levels."""
    (draws,) = design.list_from(seed(number), trial="t", sizes={"all": number_of_people}).values()
    (who,) = (
        SimpleDesign({"nf": 1, "nm": 1, "sf": 1, "sm": 2}, (), number_of_people)
        .list_from(seed(number + 1), trial="people")
        .values()
    )
    counts = {}
    for one, draw in zip(who, draws, strict=True):
        levels = {"site": {"n": "north", "s": "south"}[one[0]], "sex": one[1]}
        decision = design.decide(levels, counts, int(draw))
        count(counts, decision)
        yield decision


@pytest.mark.parametrize("imbalance", ["range", "variance"])
@pytest.mark.parametrize("ratio", [ONE_TO_ONE, {"a": 1, "b": 1, "c": 1}, {"a": 2, "b": 1}], ids=str)
def test_minimization_takes_each_arm_as_often_as_its_probabilities_say(ratio, imbalance):
    design = MinimizationDesign(ratio, FACTORS, 1, Fraction(4, 5), imbalance)
    decisions = list(minimized(design, 1000, 3))
    first = next(iter(ratio))
    by_chance = {}
    for decision in decisions:
        by_chance.setdefault(decision.probabilities[first], []).append(decision.arm == first)
    for chance, hits in by_chance.items():
        assert binomtest(sum(hits), len(hits), float(chance)).pvalue > CHANCE
    arms = Counter(decision.arm for decision in decisions)
    for arm, share in ratio.items():
        assert arms[arm] == pytest.approx(1000 * share / sum(ratio.values()), abs=15)


def test_minimization_balances_every_factor_better_than_chance():
    design = MinimizationDesign(ONE_TO_ONE, FACTORS, 1, Fraction(4, 5), "range")
    worst = Counter()
    for decision in minimized(design, 400, 5):
        for key, level in decision.levels.items():
            worst[key, level] += 1 if decision.arm == "new" else -1
    assert max(map(abs, worst.values())) <= 8  # simple randomization: about 15 in a level of 200
