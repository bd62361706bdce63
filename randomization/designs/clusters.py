"""Designs that randomize sites: all at once when the list is sealed, and late ones by a rule."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from randomization.designs.base import EVERYBODY, Design, refuse_bad_ratio, stratum_key
from randomization.drbg import Stream
from randomization.errors import DesignRefused

LATE = "late"
"""Factor of the strata whose places wait for sites that join later."""


@dataclass(frozen=True)
class ClusterDesign(Design):
    """The sites of each group, or all of them, are shared out among the arms by the ratio, all at once.

    Each group's list holds whole units of the ratio and, where the number of sites asks for it, a part of one
    more that is drawn. Place 1 is for the site whose key sorts first, and so on. `late_places` more, in
    blocks of two units, wait for sites that join later, in the order in which they come.
    """

    ratio: Mapping[str, int]
    groups: Mapping[str, tuple[str, ...]]
    """Group to its sites; the one group `all` where sites are not stratified."""
    late_places: int

    method = "complete_clusters"
    is_cluster = True

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
        for group, sites in self.groups.items():
            if len(set(sites)) < unit:
                raise DesignRefused(
                    _("The group %(group)s needs at least %(unit)s sites, one for each share of the ratio.")
                    % {"group": group, "unit": unit}
                )
        if not self.groups:
            raise DesignRefused(_("No site is named."))

    def sizes(self) -> dict[str, int]:
        at_once = {self._key("group", group): len(sites) for group, sites in self.groups.items()}
        late = {self._key(LATE, group): self.late_places for group in self.groups if self.late_places}
        return at_once | late

    def places(self, stream: Stream, stratum: str, at_least: int) -> list[str]:
        unit = [arm for arm, share in self.ratio.items() for _share in range(share)]
        if stratum == LATE or stratum.startswith(f"{LATE}="):
            return _late(stream, unit, at_least)
        whole = unit * (at_least // len(unit))
        part = list(unit)
        stream.shuffle(part)
        places = whole + part[: at_least % len(unit)]
        stream.shuffle(places)
        return places

    def where(self) -> dict[str, tuple[str, int]]:
        """Site key to the stratum and position of its place."""
        return {
            site: (self._key("group", group), position)
            for group, sites in self.groups.items()
            for position, site in enumerate(sorted(sites), start=1)
        }

    def late_stratum(self, group: str | None) -> str:
        """Where a site of the group that joins later finds its place."""
        return self._key(LATE, group or EVERYBODY)

    def _key(self, factor: str, group: str) -> str:
        if group == EVERYBODY:
            return EVERYBODY if factor == "group" else LATE
        return stratum_key({factor: group})


@dataclass(frozen=True)
class StratifiedClusterDesign(ClusterDesign):
    """The same within groups of sites that resemble each other."""

    method = "stratified_clusters"


@dataclass(frozen=True)
class PairDesign(Design):
    """Matched pairs of sites: one of each pair to each of two arms, all at once.

    `late_places` more, two for each, wait for pairs that join later.
    """

    arms: tuple[str, ...]
    pairs: Mapping[str, tuple[str, ...]]
    """Pair key to its two sites."""
    late_places: int = 0

    method = "pairwise_clusters"
    is_cluster = True

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
        if self.late_places % 2:
            raise DesignRefused(_("Late places of pairs come two by two."))

    def sizes(self) -> dict[str, int]:
        at_once = {stratum_key({"pair": pair}): 2 for pair in self.pairs}
        return at_once | ({LATE: self.late_places} if self.late_places else {})

    def places(self, stream: Stream, stratum: str, at_least: int) -> list[str]:
        """Place 1 is for the site whose key sorts first; late pairs take two places each."""
        places: list[str] = []
        while len(places) < at_least:
            arms = list(self.arms)
            stream.shuffle(arms)
            places.extend(arms)
        return places

    def where(self) -> dict[str, tuple[str, int]]:
        """Site key to the stratum and position of its place."""
        return {
            site: (stratum_key({"pair": pair}), position)
            for pair, sites in self.pairs.items()
            for position, site in enumerate(sorted(sites), start=1)
        }


def _late(stream: Stream, unit: list[str], at_least: int) -> list[str]:
    places: list[str] = []
    while len(places) < at_least:
        block = unit * 2
        stream.shuffle(block)
        places.extend(block)
    return places
