"""From the protocol to the design of the lists, and from a participant to their stratum."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from randomization.designs import (
    BlockDesign,
    ClusterDesign,
    CoinDesign,
    Design,
    Factor,
    ImportedDesign,
    MinimizationDesign,
    PairDesign,
    SimpleDesign,
    StratifiedClusterDesign,
    stratum_key,
)
from randomization.designs.base import EVERYBODY
from randomization.designs.coins import FAIR
from screening.standing import Standing
from trial.protocol.schema import Protocol
from trial.protocol.schema.trial import StratumFactor

SITE = "site"


def design_of(protocol: Protocol) -> Design:
    """The design that the protocol describes, not yet checked."""
    return _DESIGNS[protocol.randomization.method](protocol)


def levels_of(standing: Standing, protocol: Protocol) -> dict[str, str] | None:
    """Factor key to the participant's level; None while a question that one depends on has no answer."""
    levels = {}
    for factor in protocol.randomization.strata:
        level = _level(factor, standing)
        if level is None:
            return None
        levels[factor.key] = level
    return levels


def stratum_of(levels: Mapping[str, str], protocol: Protocol) -> str:
    """Key of the list for these levels: with minimization there is one for all."""
    return EVERYBODY if protocol.randomization.method == MinimizationDesign.method else stratum_key(levels)


def _level(factor: StratumFactor, standing: Standing) -> str | None:
    return standing.site if factor.source == SITE else factor.level_of(standing.answer(factor.source))


def _strata(protocol: Protocol) -> dict[str, Any]:
    plan = protocol.randomization
    return {
        "ratio": dict(plan.ratio),
        "factors": tuple(_factor(factor, protocol) for factor in plan.strata),
        "places_per_stratum": plan.places_per_stratum or protocol.target,
    }


def _factor(factor: StratumFactor, protocol: Protocol) -> Factor:
    levels = protocol.sites if factor.source == SITE else factor.levels
    return Factor(factor.key, tuple(level.key for level in levels), factor.weight)


def _blocks(protocol: Protocol) -> Design:
    return BlockDesign(**_strata(protocol), block_sizes=protocol.randomization.block_sizes)


def _big_stick(protocol: Protocol) -> Design:
    return CoinDesign(
        **_strata(protocol), probability=FAIR, maximum_imbalance=protocol.randomization.maximum_imbalance
    )


def _biased_coin(protocol: Protocol) -> Design:
    plan = protocol.randomization
    return CoinDesign(
        **_strata(protocol),
        probability=Fraction(plan.probability or 0),
        maximum_imbalance=plan.maximum_imbalance,
    )


def _minimization(protocol: Protocol) -> Design:
    plan = protocol.randomization
    return MinimizationDesign(
        **_strata(protocol), probability=Fraction(plan.probability or 0), imbalance=plan.imbalance
    )


def _imported(protocol: Protocol) -> Design:
    sizes = protocol.randomization.block_sizes
    return ImportedDesign(**_strata(protocol), block_size=sizes[0] if sizes else None)


def _complete_clusters(protocol: Protocol) -> Design:
    plan, sites = protocol.randomization, tuple(site.key for site in protocol.sites)
    return ClusterDesign(dict(plan.ratio), {EVERYBODY: sites}, plan.late_places)


def _stratified_clusters(protocol: Protocol) -> Design:
    plan = protocol.randomization
    groups = _sites_by(protocol, "group")
    return StratifiedClusterDesign(dict(plan.ratio), groups, plan.late_places)


def _pairs(protocol: Protocol) -> Design:
    plan = protocol.randomization
    return PairDesign(tuple(plan.ratio), _sites_by(protocol, "pair"), plan.late_places)


def _sites_by(protocol: Protocol, name: str) -> dict[str, tuple[str, ...]]:
    sites: dict[str, tuple[str, ...]] = {}
    for site in protocol.sites:
        if together := getattr(site, name):
            sites[together] = (*sites.get(together, ()), site.key)
    return sites


_DESIGNS: dict[str, Callable[[Protocol], Design]] = {
    "simple": lambda protocol: SimpleDesign(**_strata(protocol)),
    "permuted_blocks": _blocks,
    "big_stick": _big_stick,
    "biased_coin": _biased_coin,
    "minimization": _minimization,
    "imported_list": _imported,
    "complete_clusters": _complete_clusters,
    "stratified_clusters": _stratified_clusters,
    "pairwise_clusters": _pairs,
}
