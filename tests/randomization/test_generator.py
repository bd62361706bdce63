"""Statistics of the generator: across seeds, everything that it draws comes as often as it should.

Every seed has one list. The seeds are fixed, so a test that passes once always does. The last tests put
biased generators in its place, to see that these tests would find them.
"""

from collections import Counter
from math import factorial, prod

import pytest
from scipy.stats import chisquare

from randomization import drbg
from randomization.designs import BlockDesign, SimpleDesign
from randomization.drbg import Stream
from tests.randomization.test_designs import CHANCE, ONE_TO_ONE, seed

BLOCKS = [
    (ONE_TO_ONE, 4),
    (ONE_TO_ONE, 6),
    ({"new": 2, "usual": 1}, 6),
    ({"new": 1, "usual": 1, "other": 1}, 6),
]
"""Ratio and size: 6, 20, 15 and 90 different blocks."""
RATIOS = [ONE_TO_ONE, {"new": 2, "usual": 1}, {"new": 1, "usual": 2, "other": 3}]
SEEDS = 3000


def lists(design):
    for number in range(SEEDS):
        yield design.list_from(seed(number), trial="example")["all"]


def surprise(seen, expected):
    """How probable such counts are; what never came counts as well."""
    assert seen.keys() <= expected.keys()
    return chisquare([seen[each] for each in expected], list(expected.values())).pvalue


def surprise_of_blocks(ratio, size):
    """Of the first block of every seed's list."""
    design = BlockDesign(ratio, (), size, (size,))
    seen = Counter(map(tuple, lists(design)))
    repeats = size // sum(ratio.values())
    kinds = factorial(size) // prod(factorial(share * repeats) for share in ratio.values())
    unseen = dict.fromkeys(range(kinds - len(seen)), 0)
    assert len(seen) <= kinds
    return chisquare([*seen.values(), *unseen.values()]).pvalue


def surprise_of_sizes(sizes=(4, 6, 8)):
    """Of the first block's size, which is the length of a list that needs one place."""
    seen = Counter(map(len, lists(BlockDesign(ONE_TO_ONE, (), 1, sizes))))
    return surprise(seen, dict.fromkeys(sizes, SEEDS / len(sizes)))


def surprise_of_ratio(ratio, places=5):
    """Of all places of every seed's list."""
    seen = Counter(arm for listed in lists(SimpleDesign(ratio, (), places)) for arm in listed)
    whole = sum(ratio.values())
    return surprise(seen, {arm: places * SEEDS * share / whole for arm, share in ratio.items()})


@pytest.mark.parametrize(("ratio", "size"), BLOCKS, ids=str)
def test_across_seeds_every_possible_block_comes_equally_often(ratio, size):
    assert surprise_of_blocks(ratio, size) > CHANCE


@pytest.mark.parametrize("sizes", [(4, 6), (4, 6, 8), (8, 4)], ids=str)
def test_across_seeds_every_block_size_comes_equally_often(sizes):
    assert surprise_of_sizes(sizes) > CHANCE


@pytest.mark.parametrize("ratio", RATIOS, ids=str)
def test_across_seeds_simple_randomization_keeps_the_ratio(ratio):
    assert surprise_of_ratio(ratio) > CHANCE


def test_within_a_list_each_block_size_is_drawn_anew():
    """Lists that need two blocks: their lengths tell both sizes apart, since no two sums are alike."""
    seen = Counter(map(len, lists(BlockDesign(ONE_TO_ONE, (), 5, (4, 10)))))
    assert surprise(seen, {8: SEEDS / 4, 14: SEEDS / 4, 10: SEEDS / 2}) > CHANCE


# --- biased generators are found ---


def test_without_rejection_numbers_are_found_to_be_unfair(monkeypatch):
    """By words of 4 bits, whose bias is large: first with the rejection that 4 bits need, then with none."""
    wide = Stream._block
    monkeypatch.setattr(Stream, "_block", lambda self, n: tuple(word % 16 for word in wide(self, n)))
    with monkeypatch.context() as rejecting:
        rejecting.setattr(drbg, "WORD_VALUES", 16)
        assert min(surprises()) > CHANCE
    assert max(surprises()) < CHANCE


def surprises():
    return surprise_of_blocks(ONE_TO_ONE, 6), surprise_of_sizes(), surprise_of_ratio(RATIOS[1])


def never_moves_the_first(stream, items):
    rest = items[1:]
    shuffle(stream, rest)
    items[1:] = rest


def moves_everyone(stream, items):
    """Sattolo's cycles: an item that may not stay where it is."""
    for n in range(len(items), 1, -1):
        other = stream.below(n - 1)
        items[n - 1], items[other] = items[other], items[n - 1]


def swaps_with_any(stream, items):
    for n in range(len(items)):
        other = stream.below(len(items))
        items[n], items[other] = items[other], items[n]


shuffle = Stream.shuffle


@pytest.mark.parametrize("biased", [never_moves_the_first, moves_everyone, swaps_with_any])
@pytest.mark.parametrize(("ratio", "size"), BLOCKS, ids=str)
def test_a_biased_shuffle_is_found(monkeypatch, biased, ratio, size):
    monkeypatch.setattr(Stream, "shuffle", biased)
    assert surprise_of_blocks(ratio, size) < CHANCE


def test_block_sizes_of_which_one_is_preferred_are_found(monkeypatch):
    fair = Stream.below
    monkeypatch.setattr(Stream, "below", lambda self, n: min(fair(self, n + 1), n - 1))
    assert surprise_of_sizes() < CHANCE
