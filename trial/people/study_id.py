"""Study ids: short names that tell nothing about a person and survive a bad telephone line.

`K7F-4MX`: five random characters and a check character. The alphabet leaves out everything that is mistaken
for something else (0/O/Q/D, 1/I/L, 2/Z, 5/S, 6/G, 8/B, U/V, N/M) and the vowels that make words. Its 17
characters make a prime, so the check follows the pure systems of ISO/IEC 7064 with modulus 17 and radix 2:

    the sum of a_i * 2^(n - i) over the n characters equals 1 (mod 17)

It catches every wrong character and every swap of two characters, neighbours or not.
"""

import re

from trial.core import chance

ALPHABET = "34679CFHJKMPRTWXY"
MODULUS = len(ALPHABET)
RADIX = 2
RANDOM_CHARACTERS = 5
PATTERN = rf"^[{ALPHABET}]{{3}}-[{ALPHABET}]{{3}}$"

_separators = re.compile(r"[\s\-–.]+")


def new_study_id() -> str:
    """A random study id; one of 1,419,857, so whoever stores it must be ready for one that is taken."""
    body = "".join(chance.choice(ALPHABET) for _ in range(RANDOM_CHARACTERS))
    return _grouped(body + check_character(body))


def read_study_id(raw: str) -> str | None:
    """The study id that somebody typed or spoke, in its one written form; None when it cannot be one."""
    characters = compact(raw)
    if len(characters) != RANDOM_CHARACTERS + 1 or set(characters) - set(ALPHABET):
        return None
    return _grouped(characters) if _weighted_sum(characters) == 1 else None


def check_character(body: str) -> str:
    """The last character, which makes the weighted sum 1."""
    return ALPHABET[(1 - _weighted_sum(body + ALPHABET[0])) % MODULUS]


def compact(raw: str) -> str:
    """What was typed, in capitals and without spaces and hyphens."""
    return _separators.sub("", raw).upper()


def _weighted_sum(characters: str) -> int:
    total = 0
    for character in characters:
        total = (total * RADIX + ALPHABET.index(character)) % MODULUS
    return total


def _grouped(characters: str) -> str:
    return f"{characters[:3]}-{characters[3:]}"
