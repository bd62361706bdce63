"""Arms under letters, shuffled anew in every snapshot. Nobody keeps the key."""

from collections.abc import Collection
from dataclasses import dataclass
from string import ascii_uppercase

from trial.core import chance
from trial.people.models import Site
from trial.protocol.schema import Protocol


@dataclass(frozen=True)
class Mask:
    """What stands in the files for each arm, site and pair.

    In a cluster trial whoever knows a site knows its arm, so there sites and pairs wear numbers too.
    """

    arms: dict[str, str]
    sites: dict[str, str]
    pairs: dict[str, str]
    masked: bool
    hides_sites: bool = False

    def labels(self) -> list[str]:
        """The arms as the files name them, in an order that tells nothing while they are masked."""
        return sorted(self.arms.values()) if self.masked else list(self.arms.values())


def draw_mask(protocol: Protocol, sites: Collection[Site]) -> Mask:
    """A mask by chance: A, B, … for the arms; 01, 02, … for sites and pairs that are randomized as a
    whole."""
    arms = [arm.key for arm in protocol.arms]
    chance.shuffle(arms)
    mask = no_mask(protocol, sites)
    letters = dict(zip(arms, ascii_uppercase, strict=False))
    if not is_clustered(protocol):
        return Mask(letters, mask.sites, mask.pairs, masked=True)
    return Mask(
        letters, _numbered("site", mask.sites), _numbered("pair", mask.pairs), masked=True, hides_sites=True
    )


def no_mask(protocol: Protocol, sites: Collection[Site]) -> Mask:
    """Everything under its own name: after the data lock."""
    return Mask(
        arms={arm.key: arm.key for arm in protocol.arms},
        sites={site.key: site.key for site in sites},
        pairs={site.pair: site.pair for site in sites if site.pair},
        masked=False,
    )


def is_clustered(protocol: Protocol) -> bool:
    """Whether whole sites were randomized."""
    return protocol.randomization.is_by_site


def _numbered(word: str, names: Collection[str]) -> dict[str, str]:
    keys = sorted(names)
    chance.shuffle(keys)
    width = len(str(len(keys)))
    return {key: f"{word}{number:0{width}d}" for number, key in enumerate(keys, start=1)}
