"""Places per second of a list of a million, against the HMAC-SHA256 blocks alone that it is made from.

`python -m benchmarks.lists` makes the list of one stratum by permuted blocks of 4 and 6, and prints both and
their ratio: no list can be made quicker than its own random numbers. A block of s places draws its size and
s - 1 numbers, so a place takes one word, and a few words are skipped.
"""

import hashlib
import hmac
import os
import time
from collections.abc import Callable

import django

PLACES = 1_000_000
ROUNDS = 3
WORDS_OF_A_BLOCK = 8


def make_list() -> None:
    from randomization.designs import BlockDesign
    from randomization.drbg import Stream

    design = BlockDesign({"new": 1, "usual": 1}, (), PLACES, (4, 6))
    design.places(Stream(bytes(32), trial="benchmark", stratum="all"), "all", PLACES)


def make_blocks() -> None:
    for counter in range(PLACES // WORDS_OF_A_BLOCK):
        hmac.digest(bytes(32), counter.to_bytes(8, "big"), hashlib.sha256)


def seconds(work: Callable[[], None]) -> float:
    """Of the quickest of some rounds, on this processor alone."""
    spent = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        spent.append(time.process_time() - started)
    return min(spent)


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    ours, bare = PLACES / seconds(make_list), PLACES / seconds(make_blocks)
    print(f"lists: {ours:,.0f} places per second, {bare:,.0f} by HMAC-SHA256 alone: ratio {ours / bare:.2f}")


if __name__ == "__main__":
    main()
