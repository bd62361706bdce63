"""Chance that reaches the data: study ids, lists, masks. From the operating system, except in a rehearsal.

Keys, nonces and log-in codes never come from here: they take `secrets` directly.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterator, MutableSequence, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

Something = TypeVar("Something")


class _Stream:
    """HMAC-SHA256 in counter mode over a seed: the same bytes for the same seed, in every release."""

    def __init__(self, seed: int | str) -> None:
        self._key = f"tilbake rehearsal {seed}".encode()
        self._counter = 0

    def __call__(self, size: int) -> bytes:
        blocks = b""
        while len(blocks) < size:
            blocks += hmac.digest(self._key, self._counter.to_bytes(8), hashlib.sha256)
            self._counter += 1
        return blocks[:size]


_source: ContextVar[Any] = ContextVar("chance", default=secrets.token_bytes)


@contextmanager
def seeded(seed: int | str) -> Iterator[None]:
    """Make chance repeatable: for rehearsals and tests, never for a trial that is run."""
    token = _source.set(_Stream(seed))
    try:
        yield
    finally:
        _source.reset(token)


def token_bytes(size: int) -> bytes:
    """`size` random bytes."""
    drawn: bytes = _source.get()(size)
    return drawn


def below(limit: int) -> int:
    """A whole number from 0 to `limit` - 1, each as likely (rejection sampling)."""
    if limit < 1:
        raise ValueError("limit must be at least 1")
    size = (limit.bit_length() + 7) // 8
    ceiling = 256**size - 256**size % limit
    while (drawn := int.from_bytes(token_bytes(size))) >= ceiling:
        pass
    return drawn % limit


def choice(options: Sequence[Something]) -> Something:
    """One of `options`, each as likely."""
    return options[below(len(options))]


def shuffle(items: MutableSequence[Any]) -> None:
    """Fisher-Yates in place: every order as likely."""
    for last in range(len(items) - 1, 0, -1):
        other = below(last + 1)
        items[last], items[other] = items[other], items[last]
