"""Random numbers that anyone can compute again: HMAC-SHA256 in counter mode.

The specification with test vectors is docs/randomization-list.md. Nothing here depends on a library whose
stream may change between releases (NumPy's may), and nothing reads a clock or the operating system.
"""

import hashlib
import hmac
import struct
from collections.abc import Iterator
from itertools import chain, count

SEED_BYTES = 32
WORD_VALUES = 2**32
_LABEL = b"tilbake-list-1"
_COUNTER = struct.Struct(">Q")
_WORDS = struct.Struct(">8I")


class Stream:
    """The endless stream of one stratum of one trial: the same seed and names give the same numbers."""

    def __init__(self, seed: bytes, *, trial: str, stratum: str) -> None:
        if len(seed) != SEED_BYTES:
            raise ValueError(f"the seed must have {SEED_BYTES} bytes, not {len(seed)}")
        domain = b"\0".join([_LABEL, trial.encode(), stratum.encode()])
        self._key = hmac.digest(seed, domain, hashlib.sha256)
        self._words: Iterator[int] = chain.from_iterable(map(self._block, count()))

    def _block(self, counter: int) -> tuple[int, ...]:
        return _WORDS.unpack(hmac.digest(self._key, _COUNTER.pack(counter), hashlib.sha256))

    def below(self, n: int) -> int:
        """A number from 0 to n - 1, each equally likely: words in the last, partial run of n are skipped."""
        if not 1 <= n <= WORD_VALUES:
            raise ValueError(f"below() takes 1 to {WORD_VALUES}, not {n}")
        limit = WORD_VALUES - WORD_VALUES % n
        while (word := next(self._words)) >= limit:
            pass
        return word % n

    def shuffle(self, items: list[str]) -> None:
        """Fisher-Yates in place, from the last item to the second: every order equally likely."""
        words = self._words
        for n in range(len(items), 1, -1):
            limit = WORD_VALUES - WORD_VALUES % n  # below(n), without a million calls
            while (word := next(words)) >= limit:
                pass
            items[n - 1], items[word % n] = items[word % n], items[n - 1]
