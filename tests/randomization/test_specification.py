"""The list of docs/randomization-list.md, computed by a second program that shares no code with ours."""

import hashlib
import hmac
import json
import re
import struct
from pathlib import Path

import pytest

from randomization.designs import canonical, commitment, design_from
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

    def blocks(self, design):
        places, unit = [], sum(share for _arm, share in design["ratio"])
        while len(places) < design["places_per_stratum"]:
            sizes = design["block_sizes"]
            size = sizes[self.below(len(sizes))] if len(sizes) > 1 else sizes[0]
            block = [arm for arm, share in design["ratio"] for _ in range(share * size // unit)]
            places += self.shuffled(block)
        return places

    def places(self, design):
        return self.blocks(design) if "ratio" in design else self.shuffled(list(design["arms"]))


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
    assert {key: Stranger(key).places(vector["design"]) for key in vector["places"]} == vector["places"]
    assert commitment(NONCE, canonical("example", design, ours)) == vector["commitment"]


def test_commitment_by_a_stranger_equals_ours():
    vector = VECTORS["lists"][0]
    text = "tilbake-list-1\ntrial example\ndesign "
    text += json.dumps(vector["design"], sort_keys=True, separators=(",", ":")) + "\n"
    for stratum in sorted(vector["places"]):
        text += f"stratum {stratum}\n"
        text += "".join(f"{at} {arm}\n" for at, arm in enumerate(vector["places"][stratum], 1))
    assert hashlib.sha256(NONCE + text.encode()).hexdigest() == vector["commitment"]
