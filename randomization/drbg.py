"""Random numbers that anyone can compute again: HMAC-SHA256 in counter mode.

The specification with test vectors is docs/randomization-list.md. Nothing here depends on a library whose
stream may change between releases (NumPy's may), and nothing reads a clock or the operating system.
"""

import hashlib
import hmac
from collections.abc import Iterator

SEED_BYTES = 32
_LABEL = b"tilbake-list-1"
_WORD_BYTES = 4
WORD_VALUES = 2 ** (8 * _WORD_BYTES)


class Stream:
    """The endless stream of one stratum of one trial: the same seed and names give the same numbers."""

    def __init__(self, seed: bytes, *, trial: str, stratum: str) -> None:
        if len(seed) != SEED_BYTES:
            raise ValueError(f"the seed must have {SEED_BYTES} bytes, not {len(seed)}")
        domain = b"\0".join([_LABEL, trial.encode(), stratum.encode()])
        self._key = hmac.digest(seed, domain, hashlib.sha256)
        self._words = self._generate()

    def _generate(self) -> Iterator[int]:
        counter = 0
        while True:
            block = hmac.digest(self._key, counter.to_bytes(8, "big"), hashlib.sha256)
            for at in range(0, len(block), _WORD_BYTES):
                yield int.from_bytes(block[at : at + _WORD_BYTES], "big")
            counter += 1

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
        for last in range(len(items) - 1, 0, -1):
            other = self.below(last + 1)
            items[last], items[other] = items[other], items[last]
