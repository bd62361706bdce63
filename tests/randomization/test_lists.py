from collections import Counter
from itertools import permutations

import pytest
from scipy.stats import chisquare

from randomization.designs import (
    BlockDesign,
    Factor,
    PairDesign,
    canonical,
    commitment,
    stratum_key,
)
from randomization.drbg import Stream
from randomization.errors import DesignRefused

CHANCE = 1e-4
"""The seeds are fixed, so a test that passes once always does; this is how surprising a list may be."""


def design(**changes):
    return BlockDesign(
        **{"ratio": {"new": 1, "usual": 1}, "block_sizes": (4,), "factors": (), "places_per_stratum": 40}
        | changes
    )


def seed(number):
    return number.to_bytes(32, "big")


def places(number=0, stratum="all", at_least=40, **changes):
    stream = Stream(seed(number), trial="example", stratum=stratum)
    return design(**changes).places(stream, stratum, at_least)


@pytest.mark.parametrize(("size", "kinds"), [(4, 6), (6, 20)])
def test_every_possible_block_comes_equally_often(size, kinds):
    listed = places(at_least=4000 * size, block_sizes=(size,))
    seen = Counter(tuple(listed[at : at + size]) for at in range(0, len(listed), size))
    assert len(seen) == kinds
    assert chisquare(list(seen.values())).pvalue > CHANCE


def test_first_arm_is_fair_across_seeds_and_strata():
    first = Counter(
        places(number, stratum, at_least=1)[0] for number in range(1500) for stratum in ("a=1", "a=2")
    )
    assert chisquare(list(first.values())).pvalue > CHANCE


def test_both_sites_of_a_pair_are_equally_likely_to_get_each_arm():
    pairs = PairDesign(arms=("new", "usual"), pairs={"a": ("x", "y")})
    first = Counter(pairs.list_from(seed(n), trial="example")["pair=a"][0] for n in range(4000))
    assert chisquare(list(first.values())).pvalue > CHANCE


def test_shuffle_gives_every_order_equally_often():
    stream, seen = Stream(seed(1), trial="example", stratum="all"), Counter()
    for _ in range(12000):
        items = list("abcd")
        stream.shuffle(items)
        seen[tuple(items)] += 1
    assert set(seen) == set(permutations("abcd"))
    assert chisquare(list(seen.values())).pvalue > CHANCE


def test_strata_trials_and_seeds_have_lists_of_their_own():
    listed = {
        tuple(design().places(Stream(seed(n), trial=trial, stratum=stratum), stratum, 60))
        for n in (1, 2)
        for trial in ("one", "two")
        for stratum in ("site=a", "site=b")
    }
    assert len(listed) == 8


def test_a_list_is_made_for_every_combination_of_levels():
    factors = (Factor("site", ("north", "south")), Factor("complaint", ("pain", "mood")))
    lists = design(factors=factors).list_from(seed(1), trial="example")
    assert set(lists) == {
        "site=north;complaint=pain",
        "site=north;complaint=mood",
        "site=south;complaint=pain",
        "site=south;complaint=mood",
    }


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"block_sizes": (2,)}, "guessed"),
        ({"block_sizes": (4, 2)}, "guessed"),
        ({"block_sizes": (5,)}, "multiple of 2"),
        ({"block_sizes": (4, 4)}, "twice"),
        ({"block_sizes": ()}, "at least one"),
        ({"ratio": {"new": 2, "usual": 1}}, "multiple of 3"),
        ({"ratio": {"new": 1}}, "two arms"),
        ({"ratio": {"new": 1, "usual": 0}}, "at least 1"),
        ({"ratio": {"new": 1, "usual\n1 new": 1}}, "name of an arm"),
        ({"places_per_stratum": 0}, "a place"),
        ({"factors": (Factor("site", ()),)}, "levels"),
    ],
)
def test_design_that_can_be_guessed_or_not_carried_out_is_refused(changes, reason):
    with pytest.raises(DesignRefused, match=reason):
        design(**changes).list_from(seed(1), trial="example")


@pytest.mark.parametrize(
    ("pairs", "arms"),
    [
        ({}, ("a", "b")),
        ({"p": ("x",)}, ("a", "b")),
        ({"p": ("x", "x")}, ("a", "b")),
        ({"p": ("x", "y")}, ("a", "b", "c")),
    ],
)
def test_pairs_that_are_no_pairs_are_refused(pairs, arms):
    with pytest.raises(DesignRefused):
        PairDesign(arms=arms, pairs=pairs).list_from(seed(1), trial="example")


def test_name_that_would_forge_a_line_of_the_canonical_list_is_refused():
    with pytest.raises(DesignRefused):
        stratum_key({"site": "north\n1 new"})


def test_commitment_changes_with_any_place_and_with_the_nonce():
    listed = {"all": places()}
    swapped = {"all": [*listed["all"][1:], listed["all"][0]]}
    assert swapped != listed
    hashes = {
        commitment(nonce, canonical("example", design(), some))
        for nonce in (bytes(32), seed(1))
        for some in (listed, swapped)
    }
    assert len(hashes) == 4


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_seed_or_nonce_of_another_length_is_refused(length):
    with pytest.raises(ValueError, match="32 bytes"):
        Stream(bytes(length), trial="example", stratum="all")
    with pytest.raises(ValueError, match="32 bytes"):
        commitment(bytes(length), b"")


def test_number_below_nothing_is_refused():
    with pytest.raises(ValueError, match="below"):
        Stream(seed(1), trial="example", stratum="all").below(0)
