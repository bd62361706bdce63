"""From a design and a secret seed to the list of places: pure and repeatable.

The specification with test vectors is docs/randomization-list.md.
"""

import hashlib
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from randomization.drbg import Stream
from randomization.errors import DesignRefused

PERMUTED_BLOCKS = "permuted_blocks"
PAIRWISE_CLUSTERS = "pairwise_clusters"

NONCE_BYTES = 32
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")
_MAX_PLACES = 1_000_000

Places = Mapping[str, Sequence[str]]
"""Stratum key to the arm of each place, in order of position."""


@dataclass(frozen=True)
class Factor:
    """One thing that strata are made of: a site or a baseline answer, with its levels."""

    key: str
    levels: tuple[str, ...]


@dataclass(frozen=True)
class BlockDesign:
    """Permuted blocks in each stratum; several block sizes mean that each block's size is drawn."""

    ratio: Mapping[str, int]
    block_sizes: tuple[int, ...]
    factors: tuple[Factor, ...]
    places_per_stratum: int

    def as_json(self) -> dict[str, Any]:
        """The design with every order kept that the list depends on."""
        return {
            "method": PERMUTED_BLOCKS,
            "ratio": [[arm, share] for arm, share in self.ratio.items()],
            "block_sizes": list(self.block_sizes),
            "factors": [[factor.key, list(factor.levels)] for factor in self.factors],
            "places_per_stratum": self.places_per_stratum,
        }

    def refuse_what_can_be_guessed(self) -> None:
        """Raises DesignRefused with the reason."""
        _refuse_bad_ratio(self.ratio)
        unit = sum(self.ratio.values())
        if not self.block_sizes:
            raise DesignRefused(_("Name at least one block size."))
        if len(set(self.block_sizes)) != len(self.block_sizes):
            raise DesignRefused(_("A block size is named twice."))
        for size in self.block_sizes:
            if size <= 2:
                raise DesignRefused(
                    _("Blocks of %(size)s are refused: every second allocation could be guessed for certain.")
                    % {"size": size}
                )
            if size % unit:
                raise DesignRefused(
                    _("A block of %(size)s cannot hold the ratio: it must be a multiple of %(unit)s.")
                    % {"size": size, "unit": unit}
                )
        if not 1 <= self.places_per_stratum <= _MAX_PLACES:
            raise DesignRefused(
                _("Each stratum needs between 1 and %(most)s places.") % {"most": _MAX_PLACES}
            )
        for factor in self.factors:
            if not factor.levels or len(set(factor.levels)) != len(factor.levels):
                raise DesignRefused(
                    _("The stratum factor %(key)s needs levels, each named once.") % {"key": factor.key}
                )


@dataclass(frozen=True)
class PairDesign:
    """Matched pairs of sites: one of each pair to each of two arms, all at once."""

    arms: tuple[str, ...]
    pairs: Mapping[str, tuple[str, ...]]
    """Pair key to its two sites."""

    def as_json(self) -> dict[str, Any]:
        """The design; a pair's sites stand in the order of its places."""
        pairs = [[pair, sorted(sites)] for pair, sites in sorted(self.pairs.items())]
        return {"method": PAIRWISE_CLUSTERS, "arms": list(self.arms), "pairs": pairs}

    def refuse_what_can_be_guessed(self) -> None:
        """Raises DesignRefused with the reason."""
        _refuse_bad_ratio(dict.fromkeys(self.arms, 1))
        if len(self.arms) != 2:
            raise DesignRefused(_("Pairs of sites need exactly two arms."))
        if not self.pairs:
            raise DesignRefused(_("No pair of sites is named."))
        for pair, sites in self.pairs.items():
            if len(set(sites)) != 2:
                raise DesignRefused(_("The pair %(pair)s must have exactly two sites.") % {"pair": pair})


def stratum_key(levels: Mapping[str, str]) -> str:
    """The one name of a stratum: factors in the design's order, as `site=trondheim;complaint=pain`; or `all`.

    Names stand in the canonical list: DesignRefused for other letters than a-z, A-Z, 0-9 and `_.+-`.
    """
    for name in itertools.chain.from_iterable(levels.items()):
        if not _NAME.fullmatch(name):
            raise DesignRefused(_("%(name)r cannot be part of a stratum's name.") % {"name": name})
    return ";".join(f"{factor}={level}" for factor, level in levels.items()) or "all"


def strata(factors: Sequence[Factor]) -> list[dict[str, str]]:
    """Every combination of levels."""
    combinations = itertools.product(*(factor.levels for factor in factors))
    return [dict(zip((factor.key for factor in factors), levels, strict=True)) for levels in combinations]


def block_places(seed: bytes, *, trial: str, stratum: str, design: BlockDesign, at_least: int) -> list[str]:
    """The arms of one stratum's places: whole blocks until there are `at_least`.

    A longer list begins with the shorter one, so more places can be added later from the same seed.
    """
    stream = Stream(seed, trial=trial, stratum=stratum)
    unit = sum(design.ratio.values())
    places: list[str] = []
    while len(places) < at_least:
        sizes = design.block_sizes
        size = sizes[stream.below(len(sizes))] if len(sizes) > 1 else sizes[0]
        block = [arm for arm, share in design.ratio.items() for _i in range(share * size // unit)]
        stream.shuffle(block)
        places.extend(block)
    return places


def make_block_lists(seed: bytes, *, trial: str, design: BlockDesign) -> dict[str, list[str]]:
    """Every stratum's places. Raises DesignRefused."""
    design.refuse_what_can_be_guessed()
    keys = [stratum_key(levels) for levels in strata(design.factors)]
    return {
        key: block_places(seed, trial=trial, stratum=key, design=design, at_least=design.places_per_stratum)
        for key in keys
    }


def make_pair_lists(seed: bytes, *, trial: str, design: PairDesign) -> dict[str, list[str]]:
    """One stratum `pair=…` per pair; place 1 is for the site whose key sorts first. Raises DesignRefused."""
    design.refuse_what_can_be_guessed()
    lists = {}
    for pair in design.pairs:
        key = stratum_key({"pair": pair})
        arms = list(design.arms)
        Stream(seed, trial=trial, stratum=key).shuffle(arms)
        lists[key] = arms
    return lists


def make_lists(seed: bytes, *, trial: str, design: BlockDesign | PairDesign) -> dict[str, list[str]]:
    """Every stratum's places by either design. Raises DesignRefused."""
    if isinstance(design, PairDesign):
        return make_pair_lists(seed, trial=trial, design=design)
    return make_block_lists(seed, trial=trial, design=design)


def design_from(plan: Mapping[str, Any]) -> BlockDesign | PairDesign:
    """The design that `as_json` wrote."""
    if plan["method"] == PAIRWISE_CLUSTERS:
        return PairDesign(
            arms=tuple(plan["arms"]), pairs={pair: tuple(sites) for pair, sites in plan["pairs"]}
        )
    return BlockDesign(
        ratio=dict(plan["ratio"]),
        block_sizes=tuple(plan["block_sizes"]),
        factors=tuple(Factor(key, tuple(levels)) for key, levels in plan["factors"]),
        places_per_stratum=plan["places_per_stratum"],
    )


def canonical(trial: str, design: BlockDesign | PairDesign, places: Places) -> bytes:
    """The bytes that the commitment is made of: UTF-8, one line a place, strata sorted by their bytes."""
    plan = json.dumps(design.as_json(), sort_keys=True, separators=(",", ":"))
    lines = ["tilbake-list-1", f"trial {trial}", f"design {plan}"]
    for key in sorted(places, key=str.encode):
        lines.append(f"stratum {key}")
        lines.extend(f"{position} {arm}" for position, arm in enumerate(places[key], start=1))
    return ("\n".join(lines) + "\n").encode()


def commitment(nonce: bytes, listed: bytes) -> str:
    """SHA-256 over nonce and list, as hex. The nonce keeps a short list from being found by trying all."""
    if len(nonce) != NONCE_BYTES:
        raise ValueError(f"the nonce must have {NONCE_BYTES} bytes, not {len(nonce)}")
    return hashlib.sha256(nonce + listed).hexdigest()


def _refuse_bad_ratio(ratio: Mapping[str, int]) -> None:
    if len(ratio) < 2:
        raise DesignRefused(_("A randomized trial needs at least two arms."))
    for arm, share in ratio.items():
        if not _NAME.fullmatch(arm):
            raise DesignRefused(_("%(name)r cannot be the name of an arm.") % {"name": arm})
        if share < 1:
            raise DesignRefused(_("The arm %(arm)s needs a share of at least 1.") % {"arm": arm})
