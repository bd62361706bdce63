"""Minimization: each participant goes, most probably, where it balances the factors best.

Pocock and Simon, Biometrics 1975;31:103-15. For unequal ratios the numbers are divided by the arms' shares,
and the probabilities are those of biased-coin minimization, which keep the ratio (Han, Enas and McEntegart,
Stat Med 2009;28:3329-46, as this project reads it; docs/randomization-list.md has the formulas).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from django.utils.translation import gettext as _

from randomization.designs.base import EVERYBODY, StrataDesign
from randomization.drbg import WORD_VALUES, Stream
from randomization.errors import DesignRefused

MEASURES = ("range", "variance")

Counts = Mapping[str, Mapping[str, Mapping[str, int]]]
"""Factor key, level, arm: how many have been allocated. What is missing counts as 0."""


@dataclass(frozen=True)
class Decision:
    """One allocation by minimization, with all that it was decided by."""

    arm: str
    draw: int
    """From 0 to 2³² − 1, sealed before the participant was known."""
    levels: Mapping[str, str]
    """Factor to the participant's level."""
    scores: Mapping[str, Fraction]
    """Arm to the weighted imbalance that it would lead to."""
    probabilities: Mapping[str, Fraction]
    """Arm to its probability, in the design's order."""


@dataclass(frozen=True)
class MinimizationDesign(StrataDesign):
    """The list holds one sealed draw for each allocation; the arm follows from it and from who came before.

    `places_per_stratum` is the number of draws: there is one list, whose strata are not balanced separately.
    """

    probability: Fraction
    """Of the preferred arm (with unequal shares: of the preferred arm with the smallest share)."""
    imbalance: str
    """How the imbalance within a level is measured: `range` or `variance` of the numbers by share."""

    method = "minimization"

    @property
    def number_of_strata(self) -> int:
        return 1

    def as_json(self) -> dict[str, Any]:
        probability = f"{self.probability.numerator}/{self.probability.denominator}"
        return super().as_json() | {
            "factors": [[factor.key, list(factor.levels), factor.weight] for factor in self.factors],
            "probability": probability,
            "imbalance": self.imbalance,
        }

    def refuse_what_can_be_guessed(self) -> None:
        super().refuse_what_can_be_guessed()
        if not self.factors:
            raise DesignRefused(_("Minimization needs factors to balance."))
        if self.imbalance not in MEASURES:
            raise DesignRefused(_("Imbalance is measured by range or variance."))
        if any(factor.weight < 1 for factor in self.factors):
            raise DesignRefused(_("The weight of a factor must be at least 1."))
        fair = Fraction(min(self.ratio.values()), sum(self.ratio.values()))
        if not fair < self.probability < 1:
            raise DesignRefused(
                _("The probability of the preferred arm must lie between %(fair)s and 1.") % {"fair": fair}
            )

    def sizes(self) -> dict[str, int]:
        return {EVERYBODY: self.places_per_stratum}

    def places(self, stream: Stream, stratum: str, at_least: int) -> list[str]:
        """The draws, written as decimal numbers: each is the stream's next word."""
        return [str(stream.below(WORD_VALUES)) for _place in range(at_least)]

    def decide(self, levels: Mapping[str, str], counts: Counts, draw: int) -> Decision:
        """The arm of a participant with these levels, given all who were allocated before."""
        scores = {arm: self._score(arm, levels, counts) for arm in self.ratio}
        probabilities = self.probabilities(scores)
        return Decision(_drawn(probabilities, draw), draw, dict(levels), scores, probabilities)

    def _score(self, arm: str, levels: Mapping[str, str], counts: Counts) -> Fraction:
        """Weighted sum of the imbalances within the participant's levels, with one more in `arm`."""
        score = Fraction(0)
        for factor in self.factors:
            at_level = counts.get(factor.key, {}).get(levels[factor.key], {})
            numbers = [
                Fraction(at_level.get(other, 0) + (other == arm), share)
                for other, share in self.ratio.items()
            ]
            score += factor.weight * _imbalance(numbers, self.imbalance)
        return score

    def probabilities(self, scores: Mapping[str, Fraction]) -> dict[str, Fraction]:
        """Of each arm: the mean over the preferred arms, weighted by their shares."""
        least = min(scores.values())
        preferred = [arm for arm, score in scores.items() if score == least]
        shares = sum(self.ratio[arm] for arm in preferred)
        return {
            arm: sum((self.ratio[best] * self._given(best, arm) for best in preferred), Fraction(0)) / shares
            for arm in self.ratio
        }

    def _given(self, preferred: str, arm: str) -> Fraction:
        """Probability of `arm` when `preferred` is the only preferred one."""
        total, smallest = sum(self.ratio.values()), min(self.ratio.values())
        missed = (1 - self.probability) * Fraction(total - self.ratio[preferred], total - smallest)
        if arm == preferred:
            return 1 - missed
        return missed * Fraction(self.ratio[arm], total - self.ratio[preferred])


def _imbalance(numbers: Sequence[Fraction], measure: str) -> Fraction:
    if measure == "range":
        return max(numbers) - min(numbers)
    mean = sum(numbers, Fraction(0)) / len(numbers)
    return sum(((number - mean) ** 2 for number in numbers), Fraction(0)) / (len(numbers) - 1)


def _drawn(probabilities: Mapping[str, Fraction], draw: int) -> str:
    """The first arm up to which the probabilities, added in the design's order, exceed draw ÷ 2³²."""
    reached = Fraction(0)
    for arm, probability in probabilities.items():
        reached += probability
        if draw < reached * WORD_VALUES:
            return arm
    raise AssertionError("the probabilities add up to 1")
