"""What is told of an imbalance, whether it was computed exactly or simulated.

Imbalance is the difference between the arms with the most and the fewest participants, after each number is
divided by the arm's share: with two arms one to one, the plain difference.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from randomization.assessment.scope import RARE

Floats = NDArray[np.float64]
Integers = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Imbalance:
    """Mean, what 95 % of lists do not pass, what all but one of 10,000 do not pass."""

    mean: float
    p95: float
    worst: float


@dataclass(frozen=True)
class Discrete:
    """Values in ascending order and their probabilities, which add up to 1."""

    values: Floats
    chances: Floats

    @classmethod
    def of(cls, values: Floats, chances: Floats) -> "Discrete":
        """Equal values are put together; what rounding made negative becomes 0."""
        kept, which = np.unique(np.round(values, 9), return_inverse=True)
        summed = np.clip(np.bincount(which.ravel(), chances.ravel()), 0, None)
        return cls(kept, summed / summed.sum())

    @classmethod
    def of_sample(cls, values: Floats) -> "Discrete":
        """Each as likely."""
        return cls.of(values.ravel(), np.full(values.size, 1.0))

    @property
    def mean(self) -> float:
        return float(self.values @ self.chances)

    def percentile(self, share: float) -> float:
        """The smallest value that so large a share does not pass."""
        at = np.searchsorted(np.cumsum(self.chances), share - 1e-12)
        return float(self.values[min(int(at), len(self.values) - 1)])

    def imbalance(self) -> Imbalance:
        """Of imbalances."""
        return Imbalance(self.mean, self.percentile(0.95), self.percentile(1 - 1 / RARE))
