"""The list of docs/randomization-list.md, computed by a second program that shares no code with ours."""

import hashlib
import hmac
import json
import re
import struct
from collections import Counter
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import pytest

from randomization.designs import canonical, commitment, design_from
from randomization.designs.reading import READERS
from randomization.drbg import Stream

PAGE = Path(__file__).parents[2] / "docs" / "randomization-list.md"
VECTORS = json.loads(re.search(r"```json\n(.+?)\n```", PAGE.read_text(), re.DOTALL)[1])
SEED, NONCE = bytes(range(32)), bytes(range(32, 64))


class Stranger:
    """Someone who has read the page and nothing else."""

    def __init__(self, stratum):
        domain = f"tilbake-list-1\0example\0{stratum}".encode()
        self.key = hmac.new(SEED, domain, "sha256").digest()
        self.drawn = 0

    def word(self):
        block, part = divmod(self.drawn, 8)
        self.drawn += 1
        digest = hmac.new(self.key, struct.pack(">Q", block), "sha256").digest()
        return struct.unpack(">8I", digest)[part]

    def below(self, n):
        word = self.word()
        return word % n if word < 2**32 - 2**32 % n else self.below(n)

    def shuffled(self, items):
        for k in reversed(range(1, len(items))):
            j = self.below(k + 1)
            items[k], items[j] = items[j], items[k]
        return items

    def places(self, design, stratum):
        method = design["method"]
        if method == "pairwise_clusters":
            number = design["late_places"] if stratum == "late" else 2
            return self.until(number, lambda: self.shuffled(list(design["arms"])))
        unit = [arm for arm, share in design["ratio"] for _ in range(share)]
        if method.endswith("clusters"):
            return self.sites(design, unit, stratum)
        number = design["places_per_stratum"]
        if method == "simple":
            return [unit[self.below(len(unit))] for _ in range(number)]
        if method == "minimization":
            return [str(self.below(2**32)) for _ in range(number)]
        if method == "biased_coin":
            return self.coins(design, number)
        return self.until(number, lambda: self.block(design, unit))

    def until(self, number, more):
        places = []
        while len(places) < number:
            places += more()
        return places

    def block(self, design, unit):
        sizes = design["block_sizes"]
        size = sizes[self.below(len(sizes))] if len(sizes) > 1 else sizes[0]
        return self.shuffled([arm for arm in unit for _ in range(size // len(unit))])

    def coins(self, design, number):
        (first, _), (second, _) = design["ratio"]
        p, m, d, places = Fraction(design["probability"]), design["maximum_imbalance"], 0, []
        for _ in range(number):
            chance = Fraction(1, 2)
            if d < 0:
                chance = Fraction(1) if m and -d >= m else p
            elif d > 0:
                chance = Fraction(0) if m and d >= m else 1 - p
            places.append(first if self.below(chance.denominator) < chance.numerator else second)
            d += 1 if places[-1] == first else -1
        return places

    def sites(self, design, unit, stratum):
        if stratum.startswith("late"):
            return self.until(design["late_places"], lambda: self.shuffled(unit * 2))
        (number,) = (
            len(sites)
            for group, sites in design["groups"]
            if stratum in (f"group={group}", "all" if group == "all" else None)
        )
        part = self.shuffled(list(unit))
        return self.shuffled(unit * (number // len(unit)) + part[: number % len(unit)])


def decided(design, draws, people):
    """Each participant's scores, probabilities and arm, as the page says."""
    shares, total = dict(design["ratio"]), sum(share for _arm, share in design["ratio"])
    smallest, p, before = min(shares.values()), Fraction(design["probability"]), []
    for draw, levels in zip(draws, people, strict=True):
        scores = {}
        for t in shares:
            scores[t] = Fraction(0)
            for key, _levels, weight in design["factors"]:
                alike = [arm for others, arm in before if others[key] == levels[key]] + [t]
                x = [Fraction(alike.count(k), shares[k]) for k in shares]
                mean = sum(x) / len(x)
                spread = {
                    "range": max(x) - min(x),
                    "variance": sum((one - mean) ** 2 for one in x) / (len(x) - 1),
                }
                scores[t] += weight * spread[design["imbalance"]]
        preferred = [t for t in shares if scores[t] == min(scores.values())]
        chances = dict.fromkeys(shares, Fraction(0))
        for t in preferred:
            its = 1 - (1 - p) * Fraction(total - shares[t], total - smallest)
            weight = Fraction(shares[t], sum(shares[one] for one in preferred))
            for k in shares:
                given_t = its if k == t else (1 - its) * Fraction(shares[k], total - shares[t])
                chances[k] += weight * given_t
        reached = list(accumulate(chances.values()))
        arm = next(k for k, sum_so_far in zip(shares, reached, strict=True) if int(draw) < sum_so_far * 2**32)
        before.append((levels, arm))
        yield scores, chances, arm


def test_stream_of_words_is_as_written_down():
    vector = VECTORS["stream"]
    stranger, ours = Stranger(vector["stratum"]), Stream(SEED, trial="example", stratum=vector["stratum"])
    assert stranger.key.hex() == vector["key"]
    assert [stranger.word() for _ in vector["words"]] == vector["words"]
    assert [ours.below(2**32) for _ in vector["words"]] == vector["words"]


def test_numbers_below_six_are_as_written_down():
    vector = VECTORS["stream"]
    ours = Stream(SEED, trial="example", stratum=vector["stratum"])
    assert [ours.below(6) for _ in vector["below_6"]] == vector["below_6"]


@pytest.mark.parametrize("vector", VECTORS["lists"], ids=lambda vector: vector["design"]["method"])
def test_list_and_commitment_are_as_written_down_and_as_a_stranger_computes_them(vector):
    design = design_from(vector["design"])
    ours = design.list_from(SEED, trial="example")

    assert design.as_json() == vector["design"]
    assert ours == vector["places"]
    assert {key: Stranger(key).places(vector["design"], key) for key in vector["places"]} == vector["places"]
    assert commitment(NONCE, canonical("example", design, ours)) == vector["commitment"]


DECISIONS = [vector for vector in VECTORS["lists"] if "decisions" in vector]


@pytest.mark.parametrize("vector", DECISIONS, ids=lambda vector: vector["design"]["imbalance"])
def test_minimization_decides_as_written_down_and_as_a_stranger_does(vector):
    written = vector["decisions"]
    draws, people = vector["places"]["all"], [row["levels"] for row in written]
    design, counts = design_from(vector["design"]), {}
    for row, draw, stranger in zip(written, draws, decided(vector["design"], draws, people), strict=True):
        decision = design.decide(row["levels"], counts, int(draw))
        assert (decision.scores, decision.probabilities, decision.arm) == stranger
        assert {arm: str(score) for arm, score in decision.scores.items()} == row["scores"]
        assert {arm: str(chance) for arm, chance in decision.probabilities.items()} == row["probabilities"]
        assert decision.arm == row["arm"]
        for key, level in row["levels"].items():
            counts.setdefault(key, {}).setdefault(level, Counter())[decision.arm] += 1


def test_every_method_that_makes_a_list_has_a_vector():
    """But for lists that were made elsewhere."""
    methods = {vector["design"]["method"] for vector in VECTORS["lists"]}
    assert methods == READERS.keys() - {"imported_list"}


def test_commitment_by_a_stranger_equals_ours():
    vector = VECTORS["lists"][0]
    text = "tilbake-list-1\ntrial example\ndesign "
    text += json.dumps(vector["design"], sort_keys=True, separators=(",", ":")) + "\n"
    for stratum in sorted(vector["places"]):
        text += f"stratum {stratum}\n"
        text += "".join(f"{at} {arm}\n" for at, arm in enumerate(vector["places"][stratum], 1))
    assert hashlib.sha256(NONCE + text.encode()).hexdigest() == vector["commitment"]
