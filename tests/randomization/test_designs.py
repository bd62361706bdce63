"""Every design keeps what it promises, for any seed; and no more is regular in its lists than it promises."""

import json
from collections import Counter
from fractions import Fraction
from itertools import accumulate, pairwise
from math import sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, chisquare

from randomization.designs import (
    BlockDesign,
    ClusterDesign,
    CoinDesign,
    Factor,
    ImportedDesign,
    MinimizationDesign,
    PairDesign,
    SimpleDesign,
    StratifiedClusterDesign,
    design_from,
)
from randomization.errors import DesignRefused

CHANCE = 1e-4
"""The seeds are fixed, so a test that passes once always does; this is how surprising a list may be."""
ONE_TO_ONE = {"new": 1, "usual": 1}
FACTORS = (Factor("site", ("north", "south")), Factor("sex", ("f", "m")))

seeds = st.binary(min_size=32, max_size=32)
ratios = st.lists(st.integers(1, 4), min_size=2, max_size=4).map(
    lambda shares: {f"arm{number}": share for number, share in enumerate(shares)}
)
factors = st.sampled_from([(), FACTORS[:1], FACTORS])
lengths = st.integers(1, 60)


def named(prefix, numbers):
    return tuple(f"{prefix}{number}" for number in range(numbers))


@st.composite
def blocks(draw):
    ratio = draw(ratios)
    multiples = draw(st.lists(st.integers(2, 4), min_size=1, max_size=3, unique=True))
    return BlockDesign(
        ratio, draw(factors), draw(lengths), tuple(sum(ratio.values()) * one for one in multiples)
    )


@st.composite
def coins(draw):
    maximum = draw(st.none() | st.integers(2, 6))
    least = Fraction(1, 2) if maximum else Fraction(51, 100)
    probability = draw(st.fractions(least, Fraction(99, 100), max_denominator=100))
    return CoinDesign(ONE_TO_ONE, draw(factors), draw(lengths), probability, maximum)


@st.composite
def minimizations(draw):
    ratio = draw(ratios)
    fair = Fraction(min(ratio.values()), sum(ratio.values()))
    probability = fair + (1 - fair) * draw(
        st.fractions(Fraction(1, 50), Fraction(49, 50), max_denominator=50)
    )
    weighted = tuple(Factor(one.key, one.levels, draw(st.integers(1, 3))) for one in FACTORS)
    return MinimizationDesign(
        ratio, weighted, draw(lengths), probability, draw(st.sampled_from(["range", "variance"]))
    )


@st.composite
def clusters(draw):
    ratio, late = draw(ratios), draw(st.integers(0, 9))
    sizes = draw(st.lists(st.integers(0, 9), min_size=1, max_size=4))
    groups = {
        f"g{number}": named(f"s{number}_", sum(ratio.values()) + more) for number, more in enumerate(sizes)
    }
    if len(groups) == 1:
        return ClusterDesign(ratio, {"all": groups["g0"]}, late)
    return StratifiedClusterDesign(ratio, groups, late)


@st.composite
def pairs(draw):
    number = draw(st.integers(1, 8))
    together = {f"p{one}": named(f"s{one}_", 2) for one in range(number)}
    return PairDesign(tuple(ONE_TO_ONE), together, 2 * draw(st.integers(0, 4)))


simple = st.builds(SimpleDesign, ratios, factors, lengths)
imported = st.builds(ImportedDesign, ratios, factors, lengths, st.none() | st.integers(4, 12))
every = st.one_of(simple, blocks(), coins(), minimizations(), clusters(), pairs())
by_places = st.one_of(simple, blocks(), coins(), minimizations())

quick = settings(max_examples=80, deadline=None)


def counted(listed, arms):
    return {arm: listed.count(arm) for arm in arms}


# --- what holds for every list ---


@quick
@given(every | imported)
def test_design_is_read_back_from_what_it_wrote(design):
    written = json.loads(json.dumps(design.as_json()))
    read = design_from(written)
    assert type(read) is type(design)
    assert read.as_json() == written == design.as_json()


@quick
@given(every, seeds)
def test_the_same_seed_makes_the_same_list_also_from_the_stored_design(design, seed):
    listed = design.list_from(seed, trial="t")
    assert listed == design_from(design.as_json()).list_from(seed, trial="t")
    assert listed.keys() == design.sizes().keys()
    assert all(len(listed[key]) >= number for key, number in design.sizes().items())


@quick
@given(by_places, seeds, st.integers(1, 100))
def test_a_longer_list_begins_with_the_shorter_one(design, seed, more):
    sizes = {key: number + more for key, number in design.sizes().items()}
    short, long = design.list_from(seed, trial="t"), design.list_from(seed, trial="t", sizes=sizes)
    for key, places in short.items():
        assert len(long[key]) >= sizes[key]
        assert long[key][: len(places)] == places


@quick
@given(st.one_of(clusters(), pairs()), seeds, st.integers(1, 20))
def test_more_late_places_leave_all_others_as_they_were(design, seed, more):
    late = {key: number for key, number in design.sizes().items() if key.startswith("late")}
    sizes = design.sizes() | {key: number + more for key, number in late.items()}
    short, long = design.list_from(seed, trial="t"), design.list_from(seed, trial="t", sizes=sizes)
    for key, places in short.items():
        assert long[key][: len(places)] == places
        assert key in late or long[key] == places


# --- balance ---


@quick
@given(blocks(), seeds)
def test_blocks_keep_the_ratio_within_one_block_at_every_place(design, seed):
    unit, largest = sum(design.ratio.values()), max(design.block_sizes)
    for listed in design.list_from(seed, trial="t").values():
        assert counted(listed, design.ratio) == {
            arm: share * len(listed) // unit for arm, share in design.ratio.items()
        }
        for arm, share in design.ratio.items():
            for position, got in enumerate(accumulate(place == arm for place in listed), start=1):
                assert abs(got - Fraction(position * share, unit)) <= Fraction(largest * share, unit)


@quick
@given(coins(), seeds)
def test_coins_never_let_one_arm_come_further_ahead_than_the_maximum(design, seed):
    for listed in design.list_from(seed, trial="t").values():
        ahead = list(accumulate(1 if place == "new" else -1 for place in listed))
        assert design.maximum_imbalance is None or max(map(abs, ahead)) <= design.maximum_imbalance
        assert set(listed) <= set(ONE_TO_ONE)


@quick
@given(st.one_of(simple, coins()), seeds)
def test_the_ratio_is_kept_at_least_as_closely_as_by_chance_alone(design, seed):
    (listed,) = design.list_from(seed, trial="t", sizes={"all": 2000}).values()
    assert_ratio(Counter(listed), design.ratio)


def assert_ratio(seen, ratio):
    """No arm is further off than simple randomization is once in a million lists."""
    places = seen.total()
    for arm, share in ratio.items():
        part = share / sum(ratio.values())
        assert abs(seen[arm] - places * part) <= 6.5 * sqrt(places * part * (1 - part))


@quick
@given(clusters(), seeds)
def test_sites_of_each_group_are_shared_out_as_evenly_as_they_can_be(design, seed):
    unit = sum(design.ratio.values())
    listed = design.list_from(seed, trial="t")
    where = design.where()
    assert Counter(stratum for stratum, _position in where.values()) == {
        key: len(places) for key, places in listed.items() if not key.startswith("late")
    }
    for key, places in listed.items():
        for arm, share in design.ratio.items():
            whole = share * (len(places) // unit)
            assert whole <= places.count(arm) <= whole + min(share, len(places) % unit)
            if key.startswith("late"):
                assert places.count(arm) * unit == share * len(places)


@quick
@given(pairs(), seeds)
def test_each_pair_has_one_site_in_each_arm(design, seed):
    for places in design.list_from(seed, trial="t").values():
        for first, second in zip(places[::2], places[1::2], strict=True):
            assert {first, second} == set(design.arms)


# --- chance ---


def seed(number):
    return number.to_bytes(32, "big")


@pytest.mark.parametrize(
    "design",
    [
        SimpleDesign({"a": 2, "b": 1}, (), 1),
        BlockDesign({"a": 2, "b": 1}, (), 1, (6, 9)),
        CoinDesign(ONE_TO_ONE, (), 1, Fraction(2, 3), 3),
        ClusterDesign({"a": 2, "b": 1}, {"all": named("s", 7)}, 0),
        StratifiedClusterDesign({"a": 1, "b": 1, "c": 1}, {"g": named("s", 4), "h": named("t", 5)}, 0),
        PairDesign(("a", "b"), {"p": ("x", "y")}),
    ],
    ids=lambda design: design.method,
)
def test_across_seeds_a_place_goes_to_each_arm_as_the_ratio_says(design):
    """Each place of a list alone, here the first and the last, is drawn by the ratio, whatever the method."""
    ratio = getattr(design, "ratio", None) or dict.fromkeys(design.arms, 1)
    lists = [next(iter(design.list_from(seed(number), trial="t").values())) for number in range(2000)]
    for position in (0, -1):
        seen = Counter(places[position] for places in lists)
        expected = [2000 * share / sum(ratio.values()) for share in ratio.values()]
        assert chisquare([seen[arm] for arm in ratio], expected).pvalue > CHANCE


def test_simple_randomization_remembers_nothing():
    (listed,) = SimpleDesign(ONE_TO_ONE, (), 20_000).list_from(seed(1), trial="t").values()
    seen = Counter(pairwise(listed))
    assert len(seen) == 4
    assert binomtest(sum(first == second for first, second in pairwise(listed)), 19_999).pvalue > CHANCE


@pytest.mark.parametrize(
    ("probability", "maximum"), [(Fraction(1, 2), 3), (Fraction(2, 3), None), (Fraction(3, 4), 4)]
)
def test_a_coin_prefers_the_arm_that_is_behind_as_often_as_it_says(probability, maximum):
    (listed,) = (
        CoinDesign(ONE_TO_ONE, (), 20_000, probability, maximum).list_from(seed(2), trial="t").values()
    )
    behind, tosses, ahead = Counter(), Counter(), 0
    for place in listed:
        step = 1 if place == "new" else -1
        tosses[abs(ahead)] += 1
        behind[abs(ahead)] += step * ahead < 0 if ahead else place == "new"
        ahead += step
    for difference, number in tosses.items():
        expected = float(probability) if difference else 0.5
        if difference == maximum:
            assert behind[difference] == number
        else:
            assert binomtest(behind[difference], number, expected).pvalue > CHANCE
    assert maximum is None or max(tosses) == maximum


# --- what is refused ---


@pytest.mark.parametrize(
    ("design", "reason"),
    [
        (SimpleDesign(ONE_TO_ONE, FACTORS[:1] * 2, 4), "twice"),
        (SimpleDesign(ONE_TO_ONE, FACTORS, 400_000), "at most 1000000"),
        (
            SimpleDesign(ONE_TO_ONE, tuple(Factor(letter * 60, ("x" * 60,)) for letter in "abcd"), 4),
            "too long",
        ),
        (CoinDesign({"a": 2, "b": 1}, (), 4, Fraction(2, 3), None), "one to one"),
        (CoinDesign(ONE_TO_ONE, (), 4, Fraction(1, 3), None), "at least 1/2"),
        (CoinDesign(ONE_TO_ONE, (), 4, Fraction(1), None), "below 1"),
        (CoinDesign(ONE_TO_ONE, (), 4, Fraction(1, 2), None), "simple randomization"),
        (CoinDesign(ONE_TO_ONE, (), 4, Fraction(1, 2), 1), "guessed for certain"),
        (MinimizationDesign(ONE_TO_ONE, (), 4, Fraction(4, 5), "range"), "factors"),
        (MinimizationDesign(ONE_TO_ONE, FACTORS, 4, Fraction(1, 2), "range"), "between 1/2 and 1"),
        (MinimizationDesign(ONE_TO_ONE, FACTORS, 4, Fraction(1), "range"), "between 1/2 and 1"),
        (MinimizationDesign(ONE_TO_ONE, FACTORS, 4, Fraction(4, 5), "total"), "range or variance"),
        (MinimizationDesign(ONE_TO_ONE, (Factor("a", ("b",), 0),), 4, Fraction(4, 5), "range"), "weight"),
        (ClusterDesign(ONE_TO_ONE, {}, 0), "No site"),
        (ClusterDesign({"a": 2, "b": 1}, {"all": ("x", "y")}, 0), "at least 3 sites"),
        (ClusterDesign(ONE_TO_ONE, {"all": ("x", "y")}, 1_000_001), "late places"),
        (PairDesign(("a", "b"), {"p": ("x", "y")}, 3), "two by two"),
    ],
)
def test_design_that_can_be_guessed_or_not_carried_out_is_refused(design, reason):
    with pytest.raises(DesignRefused, match=reason):
        design.list_from(seed(1), trial="t")


def test_sites_that_were_randomized_at_once_have_no_longer_list():
    design = ClusterDesign(ONE_TO_ONE, {"all": named("s", 4)}, 2)
    with pytest.raises(DesignRefused, match="their number is fixed"):
        design.list_from(seed(1), trial="t", sizes={"all": 6, "late": 2})
    assert len(design.list_from(seed(1), trial="t", sizes={"all": 4, "late": 9})["late"]) == 12


def test_a_list_made_elsewhere_is_not_made_here():
    with pytest.raises(DesignRefused, match="choose its file"):
        ImportedDesign(ONE_TO_ONE, (), 4, None).list_from(seed(1), trial="t")
