"""Designs that randomize sites: all at once when the list is sealed, and late ones by a rule.

Late places are a sealed list of their own, made at the same time: whoever lets a site join cannot choose
or know what it will get. They are taken in order, as sites join.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.utils.translation import gettext as _

from randomization.designs.base import EVERYBODY, MOST_PLACES, Design, refuse_bad_ratio, stratum_key
from randomization.drbg import Stream
from randomization.errors import DesignRefused

LATE = "late"
"""The stratum whose places wait for sites that join later; with groups, its factor: `late=<group>`."""


@dataclass(frozen=True)
class SitesDesign(Design):
    """A design that allocates sites. Subclasses say which of them are drawn together."""

    is_cluster: ClassVar[bool] = True

    def where(self) -> dict[str, tuple[str, int]]:
        """Site key to the stratum and position of its place, for all that are randomized at once."""
        raise NotImplementedError

    def late_stratum(self, group: str | None) -> str:
        """The stratum from which a site of the group that joins later takes its place."""
        raise NotImplementedError


@dataclass(frozen=True)
class ClusterDesign(SitesDesign):
    """The sites of each group, or all of them, are shared out among the arms by the ratio, all at once.

    Each group's list holds whole units of the ratio and, where the number of sites asks for it, a part of one
    more that is drawn. Place 1 is for the site whose key sorts first, and so on. For each group `late_places`
    more, in blocks of two units, wait for sites that join later, in the order in which they come.
    """

    ratio: Mapping[str, int]
    groups: Mapping[str, tuple[str, ...]]
    """Group to its sites; the one group `all` where sites are not stratified."""
    late_places: int

    method = "complete_clusters"

    def as_json(self) -> dict[str, Any]:
        return {
            "method": self.method,
            "ratio": [[arm, share] for arm, share in self.ratio.items()],
            "groups": [[group, sorted(sites)] for group, sites in sorted(self.groups.items())],
            "late_places": self.late_places,
        }

    def refuse_what_can_be_guessed(self) -> None:
        refuse_bad_ratio(self.ratio)
        unit = sum(self.ratio.values())
        if not self.groups:
            raise DesignRefused(_("No site is named."))
        for group, sites in self.groups.items():
            if len(set(sites)) < unit:
                raise DesignRefused(
                    _("The group %(group)s needs at least %(unit)s sites, one for each share of the ratio.")
                    % {"group": group, "unit": unit}
                )
        _refuse_late_places(self.late_places)

    def sizes(self) -> dict[str, int]:
        at_once = {_key("group", group): len(sites) for group, sites in self.groups.items()}
        late = {self.late_stratum(group): self.late_places for group in self.groups if self.late_places}
        return at_once | late

    def places(self, stream: Stream, stratum: str, at_least: int) -> list[str]:
        """Raises DesignRefused when more places are asked for sites that were randomized at once."""
        unit = [arm for arm, share in self.ratio.items() for _share in range(share)]
        if is_late(stratum):
            return _blocks_of(unit * 2, stream, at_least)
        if at_least != self.sizes()[stratum]:
            raise DesignRefused(_("These sites were randomized at once, and their number is fixed."))
        part = list(unit)
        stream.shuffle(part)
        places = unit * (at_least // len(unit)) + part[: at_least % len(unit)]
        stream.shuffle(places)
        return places

    def where(self) -> dict[str, tuple[str, int]]:
        return {
            site: (_key("group", group), position)
            for group, sites in self.groups.items()
            for position, site in enumerate(sorted(sites), start=1)
        }

    def late_stratum(self, group: str | None) -> str:
        return _key(LATE, group or EVERYBODY)


@dataclass(frozen=True)
class StratifiedClusterDesign(ClusterDesign):
    """The same within groups of sites that resemble each other."""

    method = "stratified_clusters"


@dataclass(frozen=True)
class PairDesign(SitesDesign):
    """Matched pairs of sites: one of each pair to each of two arms, all at once.

    `late_places` more, two for each, wait for pairs that join later.
    """

    arms: tuple[str, ...]
    pairs: Mapping[str, tuple[str, ...]]
    """Pair key to its two sites."""
    late_places: int = 0

    method = "pairwise_clusters"

    def as_json(self) -> dict[str, Any]:
        """The design; a pair's sites stand in the order of its places."""
        pairs = [[pair, sorted(sites)] for pair, sites in sorted(self.pairs.items())]
        late = {"late_places": self.late_places} if self.late_places else {}
        return {"method": self.method, "arms": list(self.arms), "pairs": pairs} | late

    def refuse_what_can_be_guessed(self) -> None:
        refuse_bad_ratio(dict.fromkeys(self.arms, 1))
        if len(self.arms) != 2:
            raise DesignRefused(_("Pairs of sites need exactly two arms."))
        if not self.pairs:
            raise DesignRefused(_("No pair of sites is named."))
        for pair, sites in self.pairs.items():
            if len(set(sites)) != 2:
                raise DesignRefused(_("The pair %(pair)s must have exactly two sites.") % {"pair": pair})
        _refuse_late_places(self.late_places)
        if self.late_places % 2:
            raise DesignRefused(_("Late places of pairs come two by two."))

    def sizes(self) -> dict[str, int]:
        at_once = {stratum_key({"pair": pair}): 2 for pair in self.pairs}
        return at_once | ({LATE: self.late_places} if self.late_places else {})

    def places(self, stream: Stream, stratum: str, at_least: int) -> list[str]:
        """Two for each pair, the first one for the site whose key sorts first."""
        return _blocks_of(self.arms, stream, at_least)

    def where(self) -> dict[str, tuple[str, int]]:
        return {
            site: (stratum_key({"pair": pair}), position)
            for pair, sites in self.pairs.items()
            for position, site in enumerate(sorted(sites), start=1)
        }

    def late_stratum(self, group: str | None) -> str:
        return LATE


def _key(factor: str, group: str) -> str:
    if group == EVERYBODY:
        return LATE if factor == LATE else EVERYBODY
    return stratum_key({factor: group})


def is_late(stratum: str) -> bool:
    """Whether the stratum's places wait for sites that join later."""
    return stratum == LATE or stratum.startswith(f"{LATE}=")


def _blocks_of(arms: Sequence[str], stream: Stream, at_least: int) -> list[str]:
    places: list[str] = []
    while len(places) < at_least:
        block = list(arms)
        stream.shuffle(block)
        places.extend(block)
    return places


def _refuse_late_places(number: int) -> None:
    if not 0 <= number <= MOST_PLACES:
        raise DesignRefused(_("There can be at most %(most)s late places.") % {"most": MOST_PLACES})
