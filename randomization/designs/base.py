"""What every design has in common, and the list that it leads to."""

import hashlib
import itertools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

from django.utils.translation import gettext as _

from randomization.drbg import Stream
from randomization.errors import DesignRefused

NONCE_BYTES = 32
MOST_PLACES = 1_000_000
LONGEST_KEY = 400
EVERYBODY = "all"
"""Key of the one stratum of a design without factors."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")

Places = Mapping[str, Sequence[str]]
"""Stratum key to what each place holds, in order of position: the arm's key (in minimization, the draw)."""


@dataclass(frozen=True)
class Factor:
    """One thing that strata are made of: a site or a baseline answer, with its levels."""

    key: str
    levels: tuple[str, ...]
    weight: int = 1
    """How much its imbalance counts (minimization only)."""


@dataclass(frozen=True)
class Design:
    """A way to make a list. Subclasses say how one stratum's places follow from its stream."""

    method: ClassVar[str]
    is_cluster: ClassVar[bool] = False
    """Whether sites are randomized, and participants inherit."""

    def as_json(self) -> dict[str, Any]:
        """The design with every order kept that the list depends on; `design_from` reads it."""
        raise NotImplementedError

    def refuse_what_can_be_guessed(self) -> None:
        """Raises DesignRefused with the reason."""
        raise NotImplementedError

    def sizes(self) -> dict[str, int]:
        """Stratum key to the number of places that the list must at least have."""
        raise NotImplementedError

    def places(self, stream: Stream, stratum: str, at_least: int) -> list[str]:
        """What the places of one stratum hold: a longer list begins with the shorter one."""
        raise NotImplementedError

    def list_from(
        self, seed: bytes, *, trial: str, sizes: Mapping[str, int] | None = None
    ) -> dict[str, list[str]]:
        """Every stratum's places; `sizes` asks for longer ones. Raises DesignRefused."""
        self.refuse_what_can_be_guessed()
        return {
            key: self.places(Stream(seed, trial=trial, stratum=key), key, at_least)
            for key, at_least in (sizes or self.sizes()).items()
        }


@dataclass(frozen=True)
class StrataDesign(Design):
    """A design that allocates each participant, by one list for every combination of the factors' levels."""

    ratio: Mapping[str, int]
    factors: tuple[Factor, ...]
    places_per_stratum: int

    @property
    def arms(self) -> list[str]:
        """Each arm as often as its share: one unit of the ratio, in the design's order."""
        return [arm for arm, share in self.ratio.items() for _share in range(share)]

    @property
    def number_of_strata(self) -> int:
        return prod(len(factor.levels) for factor in self.factors)

    def as_json(self) -> dict[str, Any]:
        return {
            "method": self.method,
            "ratio": [[arm, share] for arm, share in self.ratio.items()],
            "factors": [[factor.key, list(factor.levels)] for factor in self.factors],
            "places_per_stratum": self.places_per_stratum,
        }

    def refuse_what_can_be_guessed(self) -> None:
        refuse_bad_ratio(self.ratio)
        keys = [factor.key for factor in self.factors]
        if len(set(keys)) != len(keys):
            raise DesignRefused(_("A stratum factor is named twice."))
        for factor in self.factors:
            if not factor.levels or len(set(factor.levels)) != len(factor.levels):
                raise DesignRefused(
                    _("The stratum factor %(key)s needs levels, each named once.") % {"key": factor.key}
                )
        if not 1 <= self.places_per_stratum <= MOST_PLACES // self.number_of_strata:
            raise DesignRefused(
                _("Each stratum needs a place, and the whole list at most %(most)s.") % {"most": MOST_PLACES}
            )
        if max(map(len, self.sizes())) > LONGEST_KEY:
            raise DesignRefused(_("The names of factors and levels are too long together."))

    def sizes(self) -> dict[str, int]:
        return {stratum_key(levels): self.places_per_stratum for levels in strata(self.factors)}


def stratum_key(levels: Mapping[str, str]) -> str:
    """The one name of a stratum: factors in the design's order, as `site=trondheim;complaint=pain`; or `all`.

    Names stand in the canonical list: DesignRefused for other letters than a-z, A-Z, 0-9 and `_.+-`.
    """
    refuse_bad_names(itertools.chain.from_iterable(levels.items()))
    return ";".join(f"{factor}={level}" for factor, level in levels.items()) or EVERYBODY


def strata(factors: Sequence[Factor]) -> list[dict[str, str]]:
    """Every combination of levels."""
    combinations = itertools.product(*(factor.levels for factor in factors))
    return [dict(zip((factor.key for factor in factors), levels, strict=True)) for levels in combinations]


def canonical(trial: str, design: Design, places: Places) -> bytes:
    """The bytes that the commitment is made of: UTF-8, one line a place, strata sorted by their bytes."""
    plan = json.dumps(design.as_json(), sort_keys=True, separators=(",", ":"))
    lines = ["tilbake-list-1", f"trial {trial}", f"design {plan}"]
    for key in sorted(places, key=str.encode):
        lines.append(f"stratum {key}")
        lines.extend(f"{position} {holds}" for position, holds in enumerate(places[key], start=1))
    return ("\n".join(lines) + "\n").encode()


def commitment(nonce: bytes, listed: bytes) -> str:
    """SHA-256 over nonce and list, as hex. The nonce keeps a short list from being found by trying all."""
    if len(nonce) != NONCE_BYTES:
        raise ValueError(f"the nonce must have {NONCE_BYTES} bytes, not {len(nonce)}")
    return hashlib.sha256(nonce + listed).hexdigest()


def refuse_bad_names(names: Iterable[str]) -> None:
    """Raises DesignRefused for a name that cannot stand in the canonical list."""
    for name in names:
        if not _NAME.fullmatch(name):
            raise DesignRefused(_("%(name)r cannot be part of a stratum's name.") % {"name": name})


def refuse_bad_ratio(ratio: Mapping[str, int]) -> None:
    """Raises DesignRefused for fewer than two arms, an arm without a share, or one that cannot be written."""
    if len(ratio) < 2:
        raise DesignRefused(_("A randomized trial needs at least two arms."))
    for arm, share in ratio.items():
        if not _NAME.fullmatch(arm):
            raise DesignRefused(_("%(name)r cannot be the name of an arm.") % {"name": arm})
        if share < 1:
            raise DesignRefused(_("The arm %(arm)s needs a share of at least 1.") % {"arm": arm})
