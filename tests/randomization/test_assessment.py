"""What a design report computes: the numbers of the reference file, and exact ones against simulated ones."""

from copy import deepcopy
from dataclasses import replace
from fractions import Fraction
from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from randomization.assessment.clusters import sites_of
from randomization.assessment.exact import as_imbalance, difference, within_strata
from randomization.assessment.guessing import _in_block, coin_guesses, hidden_guesses, open_guesses
from randomization.assessment.power import information, power
from randomization.assessment.report import assess
from randomization.assessment.simulation import Minimizing, simulate
from randomization.assessment.words import Words
from randomization.designs import (
    BlockDesign,
    ClusterDesign,
    CoinDesign,
    DesignRefused,
    Factor,
    ImportedDesign,
    MinimizationDesign,
    PairDesign,
    SimpleDesign,
    StratifiedClusterDesign,
)
from randomization.drbg import WORD_VALUES

EVEN, TWO_TO_ONE, THREE = {"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 1, "b": 1, "c": 1}
FACTORS = (Factor("site", ("n", "s", "w")), Factor("sex", ("f", "m"), 2))
STRATA = 6


def blocks(*sizes, ratio=EVEN, factors=()):
    return BlockDesign(ratio, factors, 40, sizes)


def coin(probability, most, factors=()):
    return CoinDesign(EVEN, factors, 40, Fraction(probability), most)


def minimization(ratio=EVEN, imbalance="range", factors=FACTORS):
    return MinimizationDesign(ratio, factors, 40, Fraction(4, 5), imbalance)


# --- guesses ---


def per_allocation(size, ratio):
    """Correct and certain guesses per allocation over whole blocks of one known size."""
    block = _in_block(tuple(share * size // sum(ratio) for share in ratio))
    return block.correct / size, block.certain / size


def closed_form(m):
    """The same for two arms one to one in a block of 2m, in which m + ½(4^m / C(2m, m) − 1) are correct and
    the fraction 1/(m+1) is certain."""
    return (m + (Fraction(4**m, comb(2 * m, m)) - 1) / 2) / (2 * m), Fraction(1, m + 1)


@pytest.mark.parametrize(
    ("size", "ratio", "correct", "certain"),
    [
        (4, (1, 1), 0.7083, 0.3333),
        (6, (1, 1), 0.6833, 0.2500),
        (8, (1, 1), 0.6661, 0.2000),
        (2, (1, 1), 0.75, 0.50),
        (3, (2, 1), 0.7778, 0.4444),
        (6, (2, 1), 0.7444, 0.2889),
        (3, (1, 1, 1), 0.6111, 0.3333),
        (6, (1, 1, 1), 0.5611, 0.2000),
    ],
)
def test_guesses_in_blocks_are_those_of_the_reference_file(size, ratio, correct, certain):
    assert [round(float(one), 4) for one in per_allocation(size, ratio)] == [correct, certain]
    if size > 2:
        design = blocks(size, ratio=dict(zip("abc", ratio, strict=False)))
        (told,) = assess(design, participants=5 * size, seed=1, lists=10)["guesses"]
        for over in ("", "long_"):
            assert [round(told[over + of], 4) for of in ("correct", "certain")] == [correct, certain]


@pytest.mark.parametrize("m", range(2, 8))
def test_closed_form_is_what_counting_finds(m):
    assert closed_form(m) == per_allocation(2 * m, (1, 1))


def test_blocks_of_4_and_6_give_the_often_quoted_numbers_over_the_first_24_places():
    """For who knows that sizes 4 and 6 are equally likely, but not which came."""
    hidden = hidden_guesses(blocks(4, 6), 24)
    assert round(hidden.correct.mean(), 4) == 0.6864
    assert round(hidden.certain.mean(), 4) == 0.0578
    known = open_guesses(blocks(4, 6), 24)
    assert round(known.correct.mean(), 4) == 0.6864
    assert round(known.certain.mean(), 4) == 0.2667


def test_hidden_sizes_help_against_certainty_and_not_against_guessing():
    """Two arms one to one: the arm that is behind is the likelier one, wherever the block began."""
    known, hidden = open_guesses(blocks(4, 6, 8), 200), hidden_guesses(blocks(4, 6, 8), 200)
    assert hidden.correct[:24] == pytest.approx(known.correct[:24])
    assert hidden.correct[:72] == pytest.approx(known.correct[:72], abs=1e-3)
    assert hidden.correct.mean() == pytest.approx(known.correct.mean(), abs=1e-4)
    assert hidden.long_correct == pytest.approx(known.long_correct, abs=1e-4)
    assert (hidden.certain[:72] <= known.certain[:72]).all()
    assert known.long_certain == pytest.approx(float(Fraction(4, 3) + Fraction(6, 4) + Fraction(8, 5)) / 18)


def chance_of(sequence, sizes=(4, 6)):
    """That a list begins so, by going through all blocks that may have come."""
    if not sequence:
        return Fraction(1)
    total = Fraction(0)
    for size in sizes:
        head, rest, half = sequence[:size], sequence[size:], size // 2
        ones, twos = head.count("a"), head.count("b")
        if max(ones, twos) <= half:
            orders = comb(size - len(head), half - ones)
            total += Fraction(orders, comb(size, half) * len(sizes)) * chance_of(rest, sizes)
    return total


def test_hidden_sizes_are_found_by_bayes_rule():
    told = hidden_guesses(blocks(4, 6), 11)
    for place in range(11):
        correct = certain = Fraction(0)
        for before in map("".join, product("ab", repeat=place)):
            after = [chance_of(before + arm) for arm in "ab"]
            correct += max(after)
            certain += max(after) if min(after) == 0 else 0
        assert told.correct[place] == pytest.approx(float(correct))
        assert told.certain[place] == pytest.approx(float(certain))


@pytest.mark.parametrize(
    ("arms", "sizes", "told"),
    [("ab", (20, 40), True), ("abc", (12, 18), True), ("abcd", (20, 40), False), ("abcdef", (12, 24), False)],
)
def test_hidden_sizes_are_left_out_and_the_report_says_so_where_they_take_too_much(arms, sizes, told):
    """Four arms in blocks of 20 and 40 asked for 6 GB of memory."""
    design = blocks(*sizes, ratio=dict.fromkeys(arms, 1))
    answer = assess(design, participants=48, seed=1, lists=100)
    assert ("hidden" in {guess["knows"] for guess in answer["guesses"]}) is told
    said = "\n".join(Words([answer], 1, design).assumptions())
    assert ("it is not computed how often" in said) is not told


@pytest.mark.parametrize(
    ("probability", "most", "correct", "certain"),
    [
        ("2/3", None, 5 / 8, 0),
        ("1/2", 2, 5 / 8, 1 / 4),
        ("1/2", 3, 7 / 12, 1 / 6),
        ("2/3", 3, 9 / 14, 1 / 14),
    ],
)
def test_coins_come_to_their_stationary_rates(probability, most, correct, certain):
    told = coin_guesses(coin(probability, most), 600)
    assert (told.long_correct, told.long_certain) == pytest.approx((correct, certain))
    assert told.correct[-2:].mean() == pytest.approx(correct)
    assert told.certain[-2:].mean() == pytest.approx(certain)


# --- imbalance of two arms ---


@pytest.mark.parametrize("participants", [1, 7, 60])
def test_simple_randomization_is_binomial(participants):
    told = difference(SimpleDesign(EVEN, (), 40), strata=1, participants=participants, copies=1)
    assert told.values.tolist() == list(range(-participants, participants + 1, 2))
    expected = [comb(participants, k) / 2**participants for k in range(participants + 1)]
    assert told.chances == pytest.approx(expected)


@pytest.mark.parametrize(
    "design",
    [
        blocks(4, 6, factors=FACTORS),
        blocks(3, 6, ratio=TWO_TO_ONE, factors=FACTORS),
        coin("2/3", None, FACTORS),
        coin("1/2", 3, FACTORS),
        coin("2/3", 3, FACTORS),
        SimpleDesign(TWO_TO_ONE, FACTORS, 40),
    ],
    ids=str,
)
def test_exact_numbers_are_those_of_simulated_lists(design):
    """In the whole, in a level of a factor and in a stratum; and the guesses, and the information."""
    participants, shares = 50, np.array(list(design.ratio.values()))
    lists = simulate(design, participants=participants, moments=(20, 50), seed=7)
    assert lists.course.sum(axis=1).tolist() == [[20] * 10_000, [50] * 10_000]
    assert (lists.final.sum(axis=2) == lists.course[-1]).all()

    levels = lists.final.reshape(2, -1, 3, 2)
    for copies, so_far, numbers in (
        (STRATA, 50, lists.course[-1]),
        (STRATA, 20, lists.course[0]),
        (2, 50, levels.sum(axis=3)),
        (3, 50, levels.sum(axis=2)),
        (1, 50, lists.final),
    ):
        exact = as_imbalance(
            difference(design, strata=STRATA, participants=so_far, copies=copies), tuple(shares)
        )
        simulated = np.ptp(numbers.reshape(2, -1) / shares[:, None], axis=0)
        spread = np.sqrt(exact.chances @ exact.values**2 - exact.mean**2)
        assert abs(simulated.mean() - exact.mean) < 4.5 * spread / 100
        assert abs((simulated <= exact.percentile(0.95)).mean() - exact_share(exact)) < 0.015

    told = assess(design, participants=participants, seed=1)
    assert told["lists"] is None
    assert told["guesses"][0]["correct"] == pytest.approx(lists.known, abs=0.003)
    assert told["guesses"][0]["certain"] == pytest.approx(lists.certain, abs=0.003)
    kept = information(lists.course[-1].T, tuple(shares)).mean()
    assert told["loss"]["mean"] == pytest.approx(1 - kept, abs=0.002)
    one, other = lists.final
    within = (one * other / np.maximum(one + other, 1)).sum(axis=1).mean()
    assert within_strata(design, strata=STRATA, participants=participants) == pytest.approx(within, rel=0.005)


def exact_share(exact):
    return exact.chances[exact.values <= exact.percentile(0.95)].sum()


def test_one_stratum_more_or_less_is_the_same_as_by_the_transform():
    """One factor with one level leads through the sum over strata; there is nothing to sum."""
    design = blocks(4, 6)
    direct = difference(design, strata=1, participants=21, copies=1)
    shared = difference(design, strata=2, participants=21, copies=2)
    assert direct.values.max() == 3
    assert shared.chances.sum() == pytest.approx(1)
    even = dict(zip(shared.values, shared.chances, strict=True))
    assert even[1] == pytest.approx(even[-1])


def test_no_block_is_further_out_than_half_of_it():
    told = assess(blocks(4, 6, factors=FACTORS), participants=300, seed=1)
    by = {(part["of"], part["factor"]): part for part in told["imbalance"]}
    assert by["stratum", ""]["bound"] == by["stratum", ""]["imbalance"]["worst"] == 3
    assert by["overall", ""]["bound"] == 18
    assert by["level", "sex"]["bound"] == 9
    assert told["course"][-1] == (300, *list(by["overall", ""]["imbalance"].values())[:2])


# --- minimization ---


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32),
    st.sampled_from([EVEN, TWO_TO_ONE, THREE, {"a": 3, "b": 2, "c": 1}]),
    st.sampled_from(["range", "variance"]),
)
def test_minimization_of_many_lists_decides_as_the_design_does(seed, ratio, imbalance):
    """Random histories; every other draw is the last or the first of an arm's share."""
    design, chance, lists = minimization(ratio, imbalance), np.random.default_rng(seed), 6
    arms, many = list(ratio), Minimizing(design, lists, chance)
    limits = np.unique(
        np.concatenate([many._limits.ravel(), many._limits.ravel() - 1]).clip(0, WORD_VALUES - 1)
    )
    empty = {factor.key: {level: dict.fromkeys(arms, 0) for level in factor.levels} for factor in FACTORS}
    counts = [deepcopy(empty) for _ in range(lists)]
    for _participant in range(20):
        levels = [chance.integers(0, len(factor.levels), lists) for factor in FACTORS]
        draws = np.where(
            chance.random(lists) < 0.5, chance.integers(0, WORD_VALUES, lists), chance.choice(limits, lists)
        )
        chosen = many.decide(levels, draws)
        for row in range(lists):
            own = {
                factor.key: factor.levels[level[row]] for factor, level in zip(FACTORS, levels, strict=True)
            }
            decision = design.decide(own, counts[row], int(draws[row]))
            assert arms[chosen[row]] == decision.arm
            assert many.chances[:, row] == pytest.approx([float(p) for p in decision.probabilities.values()])
            for factor, level in own.items():
                counts[row][factor][level][decision.arm] += 1


def test_draws_at_the_very_limit_go_as_the_design_says():
    design = minimization()
    for draw in (0, 2**31 - 1, 2**31, WORD_VALUES - 1):
        many = Minimizing(design, 1, np.random.default_rng(0))
        chosen = many.decide([np.array([0]), np.array([0])], np.array([draw]))
        assert list(EVEN)[chosen[0]] == design.decide({"site": "n", "sex": "f"}, {}, draw).arm


def test_minimization_balances_levels_better_than_it_balances_strata():
    told = assess(minimization(), participants=120, seed=5)
    mean = {(part["of"], part["factor"]): part["imbalance"]["mean"] for part in told["imbalance"]}
    assert mean["level", "sex"] < mean["stratum", ""]
    assert told["lists"] == 10_000
    everything, stratum_only = told["guesses"]
    assert everything["correct"] > stratum_only["correct"] > 0.5
    assert everything["certain"] == 0


def test_the_same_seed_gives_the_same_report():
    first, again, other = (assess(minimization(), participants=30, seed=s, lists=500) for s in (1, 1, 2))
    assert first == again
    assert first != other


def test_three_arms_are_simulated_and_their_guesses_are_exact():
    told = assess(blocks(3, 6, ratio=THREE, factors=FACTORS), participants=90, seed=5, lists=2000)
    assert told["lists"] == 2000
    lists = simulate(blocks(3, 6, ratio=THREE, factors=FACTORS), participants=90, moments=(90,), seed=6)
    assert told["guesses"][0]["correct"] == pytest.approx(lists.known, abs=0.003)
    assert told["guesses"][0]["certain"] == pytest.approx(lists.certain, abs=0.003)
    assert told["imbalance"][1]["imbalance"]["worst"] == told["imbalance"][1]["bound"] == 2


# --- sites ---


def test_ten_pairs_have_1024_allocations():
    sites = sites_of(PairDesign(("a", "b"), {str(pair): (f"{pair}x", f"{pair}y") for pair in range(10)}))
    assert sites.allocations == 1024
    assert sites.smallest_p == 2 / 1024
    assert sites.imbalance().mean == 0


def test_eleven_sites_cannot_be_even():
    sites = sites_of(ClusterDesign(EVEN, {"all": tuple("abcdefghijk")}, 0))
    assert sites.allocations == 2 * comb(11, 5)
    assert sites.smallest_p == pytest.approx(2 / (2 * comb(11, 5)))
    assert sites.imbalance().mean == 1


def test_groups_of_sites_add_up():
    """Eight sites 2:1 hold two whole units and two of a third; four hold one unit and one of a second."""
    design = StratifiedClusterDesign(TWO_TO_ONE, {"x": tuple("abcdefgh"), "y": tuple("ijkl")}, 0)
    sites = sites_of(design)
    assert sites.compositions == pytest.approx({(7, 5): 2 / 9, (8, 4): 5 / 9, (9, 3): 2 / 9})
    assert sites.allocations == (comb(8, 6) + comb(8, 5)) * (comb(4, 3) + comb(4, 2))
    told = assess(design, participants=240, seed=1)
    assert told["imbalance"][1]["imbalance"]["mean"] == told["imbalance"][0]["imbalance"]["mean"] * 20


@pytest.mark.parametrize(
    ("design", "correct", "certain"),
    [
        (ClusterDesign(EVEN, {"all": tuple("wxyz")}, 4), 0.7083, 0.3333),
        (ClusterDesign(TWO_TO_ONE, {"all": tuple("uvwxyz")}, 6), 0.7444, 0.2889),
        (PairDesign(("a", "b"), {"1": ("w", "x"), "2": ("y", "z")}, 4), 0.75, 0.5),
    ],
)
def test_late_sites_can_be_guessed_in_their_blocks_and_others_cannot(design, correct, certain):
    told = assess(design, participants=100, seed=1)
    (guess,) = told["guesses"]
    for over in ("", "long_"):
        assert [round(guess[over + of], 4) for of in ("correct", "certain")] == [correct, certain]
    said = "\n".join(Words([told], 1, design).assumptions())
    assert "no next arm to guess" not in said
    assert "Only late sites' arms can be guessed" in said

    without = assess(replace(design, late_places=0), participants=100, seed=1)
    assert without["guesses"] == ()
    assert "no next arm to guess" in "\n".join(Words([without], 1, design).assumptions())


# --- power ---


def test_imbalance_costs_what_the_formula_says():
    assert information(np.array([[50, 50], [60, 40], [100, 0]]), (1, 1)).tolist() == [1, 0.96, 0]
    assert information(np.array([[60, 30], [45, 45]]), (2, 1)) == pytest.approx([1, 9 / 8])
    assert information(np.array([[30, 30, 30], [40, 30, 20]]), (1, 1, 1)) == pytest.approx([1, 0.8])
    assert power(1) == pytest.approx(0.8)
    assert power(0.96) == pytest.approx(0.7838, abs=5e-5)


def test_simple_randomization_loses_one_participant_on_average():
    """E[(n₁ − n₂)²] = n, so the expected loss n·(1 − 4n₁n₂/n²) is 1, whatever n."""
    for participants in (20, 200):
        loss = assess(SimpleDesign(EVEN, (), 40), participants=participants, seed=1)["loss"]
        assert loss["participants_mean"] == pytest.approx(1)


# --- refusals ---


@pytest.mark.parametrize(
    ("design", "participants"),
    [
        (blocks(2), 100),
        (blocks(4), 0),
        (blocks(4), 5001),
        (ImportedDesign(EVEN, (), 40, None), 100),
        (blocks(4, factors=tuple(Factor(key, tuple("abcdefghij")) for key in "wxyz")), 100),
    ],
)
def test_what_cannot_be_assessed_is_refused_with_a_reason(design, participants):
    with pytest.raises(DesignRefused, match=r"\w"):
        assess(design, participants=participants, seed=1)


def test_an_imported_list_is_taken_for_the_blocks_that_the_protocol_names():
    imported = assess(ImportedDesign(EVEN, (), 40, 4), participants=100, seed=1)
    assert imported | {"design": None} == assess(blocks(4), participants=100, seed=1) | {"design": None}


def test_progress_is_told_up_to_the_end():
    shares = []
    assess(minimization(), participants=100, seed=1, lists=100, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1
