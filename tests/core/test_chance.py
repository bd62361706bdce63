from collections import Counter

import pytest

from trial.core import chance


def test_the_same_seed_gives_the_same_chance():
    def draw():
        with chance.seeded(7):
            return [chance.below(1000) for _ in range(50)], chance.token_bytes(40)

    assert draw() == draw()


def test_another_seed_gives_another_chance():
    with chance.seeded(1):
        first = chance.token_bytes(16)
    with chance.seeded(2):
        assert chance.token_bytes(16) != first


def test_without_a_seed_nothing_repeats():
    assert chance.token_bytes(16) != chance.token_bytes(16)


def test_every_number_below_the_limit_is_as_likely():
    with chance.seeded(3):
        counts = Counter(chance.below(6) for _ in range(60_000))
    expected = 10_000
    chi_square = sum((count - expected) ** 2 / expected for count in counts.values())
    assert set(counts) == set(range(6))
    assert chi_square < 20.5  # 99.9 % of the chi-square distribution with 5 degrees of freedom


def test_every_order_is_as_likely():
    def order():
        items = list("abc")
        chance.shuffle(items)
        return "".join(items)

    with chance.seeded(4):
        counts = Counter(order() for _ in range(6_000))
    assert len(counts) == 6
    assert all(850 < count < 1150 for count in counts.values())


def test_below_nothing_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        chance.below(0)
