"""Simple randomization: each place by itself."""

from dataclasses import dataclass

from randomization.designs.base import StrataDesign
from randomization.drbg import Stream


@dataclass(frozen=True)
class SimpleDesign(StrataDesign):
    """Each place is drawn by the ratio alone: nothing can be guessed, nothing is balanced."""

    method = "simple"

    def places(self, stream: Stream, stratum: str, at_least: int) -> list[str]:
        arms = self.arms
        return [arms[stream.below(len(arms))] for _place in range(at_least)]
