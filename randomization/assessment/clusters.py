"""Designs that allocate whole sites at once: exact, by going through what may be drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb, prod

import numpy as np

from randomization.assessment.distribution import Discrete
from randomization.assessment.guessing import Composition, arrangements
from randomization.designs import ClusterDesign, PairDesign


@dataclass(frozen=True)
class Sites:
    """Sites in all, how they may come out, and in how many ways."""

    number: int
    ratio: tuple[int, ...]
    compositions: dict[Composition, float]
    """How many sites come to each arm, with the probability."""
    allocations: int
    """How many different allocations are possible."""
    smallest_p: float
    """The smallest p-value that a two-sided permutation test over them can give."""

    def imbalance(self) -> Discrete:
        """Between the arms with the most and the fewest sites, by share."""
        by_share = np.array(list(self.compositions)) / np.array(self.ratio)
        return Discrete.of(np.ptp(by_share, axis=1), np.array(list(self.compositions.values())))


def sites_of(design: ClusterDesign | PairDesign) -> Sites:
    """A pair is a group of two sites, one to each arm."""
    if isinstance(design, PairDesign):
        pairs = len(design.pairs)
        return _counted(2 * pairs, (1, 1), {(pairs, pairs): 1.0}, 2**pairs, Fraction(1, 2**pairs))
    ratio = tuple(design.ratio.values())
    sums: dict[Composition, float] = {(0,) * len(ratio): 1.0}
    ways, rarest = 1, Fraction(1)
    for sites in design.groups.values():
        group = _group(len(sites), ratio)
        ways *= sum(arrangements(one) for one in group)
        rarest *= min(chance / arrangements(one) for one, chance in group.items())
        sums = _added(sums, group)
    return _counted(sum(map(len, design.groups.values())), ratio, sums, ways, rarest)


def _counted(
    number: int, ratio: tuple[int, ...], sums: dict[Composition, float], ways: int, rarest: Fraction
) -> Sites:
    """Where all arms have the same share, two arms' mirror image is as extreme as the rarest allocation."""
    mirrored = 2 if len(ratio) == 2 and len(set(ratio)) == 1 else 1
    return Sites(number, ratio, sums, ways, float(min(mirrored * rarest, Fraction(1))))


def _group(sites: int, ratio: Sequence[int]) -> dict[Composition, Fraction]:
    """Whole units of the ratio, and a part of one more that is drawn: multivariate hypergeometric."""
    whole, over = divmod(sites, sum(ratio))
    parts: dict[Composition, Fraction] = {}
    for part in np.ndindex(*(share + 1 for share in ratio)):
        if sum(part) == over:
            chance = Fraction(prod(map(comb, ratio, part)), comb(sum(ratio), over))
            parts[tuple(whole * share + extra for share, extra in zip(ratio, part, strict=True))] = chance
    return parts


def _added(sums: dict[Composition, float], group: dict[Composition, Fraction]) -> dict[Composition, float]:
    added: dict[Composition, float] = {}
    for one, before in sums.items():
        for other, chance in group.items():
            both = tuple(map(sum, zip(one, other, strict=True)))
            added[both] = added.get(both, 0.0) + before * float(chance)
    return added
