"""Ways in which the simulated provider can misbehave; tests turn them on through `PUT /simulator/faults`."""

import asyncio
import random
import time
from collections import deque
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self


@dataclass
class Faults:
    """Probabilities lie between 0 and 1; all are drawn from one generator, so a seed repeats a run."""

    lose_answer: float = 0.0
    """The message is accepted, then the connection is cut before the answer."""
    fail_before: float = 0.0
    """500, and the message is not accepted."""
    fail_after: float = 0.0
    """500, although the message was accepted."""
    delay: float = 0.0
    """Seconds before each answer to a create."""
    rate_limit: int = 0
    """Creates per second before 429; 0 is no limit."""
    callbacks: bool = True
    """Whether status callbacks are made at all."""
    duplicate_callbacks: bool = False
    """Every callback and webhook comes twice."""
    undelivered: dict[str, int] = field(default_factory=dict)
    """Phone → Twilio's error code of the failed delivery, such as 30005."""
    seed: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._recent: deque[float] = deque()

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Raises ValueError for an unknown knob."""
        if unknown := values.keys() - {known.name for known in fields(cls)}:
            raise ValueError(f"Unknown knobs: {', '.join(sorted(unknown))}.")
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def happens(self, probability: float) -> bool:
        return self._random.random() < probability

    async def wait(self) -> None:
        if self.delay:
            await asyncio.sleep(self.delay)

    def too_many(self) -> bool:
        """Whether one more create now would pass the rate limit."""
        if not self.rate_limit:
            return False
        now = time.monotonic()
        while self._recent and self._recent[0] <= now - 1:
            self._recent.popleft()
        if len(self._recent) >= self.rate_limit:
            return True
        self._recent.append(now)
        return False
