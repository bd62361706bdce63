"""Designs for two arms that toss a coin, biased by how far one arm is ahead in the stratum."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from django.utils.translation import gettext as _

from randomization.designs.base import StrataDesign
from randomization.drbg import Stream
from randomization.errors import DesignRefused

FAIR = Fraction(1, 2)


@dataclass(frozen=True)
class CoinDesign(StrataDesign):
    """The arm that is behind is preferred with `probability`, and certain at `maximum_imbalance`.

    Probability 2/3 without a maximum is Efron's biased coin (Biometrika 1971;58:403-17); 1/2 with a maximum
    is the big stick (Soares and Wu, Commun Stat Theory Methods 1983;12:2017-34); both together is the biased
    coin design with imbalance tolerance (Chen, Commun Stat Stoch Models 1999;15:953-75).
    """

    probability: Fraction
    """Of the arm that is behind; a tie is decided by a fair coin."""
    maximum_imbalance: int | None
    """The largest difference between the arms' numbers in a stratum, None for no limit."""

    method = "biased_coin"

    def as_json(self) -> dict[str, Any]:
        probability = f"{self.probability.numerator}/{self.probability.denominator}"
        return super().as_json() | {"probability": probability, "maximum_imbalance": self.maximum_imbalance}

    def refuse_what_can_be_guessed(self) -> None:
        super().refuse_what_can_be_guessed()
        if len(self.ratio) != 2 or set(self.ratio.values()) != {1}:
            raise DesignRefused(_("A coin needs exactly two arms, one to one."))
        if not FAIR <= self.probability < 1:
            raise DesignRefused(
                _("The probability of the arm that is behind must be at least 1/2 and below 1.")
            )
        if self.probability == FAIR and self.maximum_imbalance is None:
            raise DesignRefused(_("A fair coin without a largest imbalance is simple randomization."))
        if self.maximum_imbalance is not None and self.maximum_imbalance < 2:
            raise DesignRefused(
                _("With a largest imbalance of 1, every second allocation could be guessed for certain.")
            )

    def places(self, stream: Stream, stratum: str, at_least: int) -> list[str]:
        first, second = self.ratio
        ahead = 0  # how many more of the first arm than of the second
        places = []
        for _place in range(at_least):
            probability = self._of_first(ahead)
            chosen = stream.below(probability.denominator) < probability.numerator
            places.append(first if chosen else second)
            ahead += 1 if chosen else -1
        return places

    def _of_first(self, ahead: int) -> Fraction:
        """The first arm's probability. Also 0 and 1 are drawn for: every place asks the stream once."""
        if ahead == 0:
            return FAIR
        at_the_limit = self.maximum_imbalance is not None and abs(ahead) >= self.maximum_imbalance
        behind = Fraction(1) if at_the_limit else self.probability
        return behind if ahead < 0 else 1 - behind
