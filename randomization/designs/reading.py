"""From what `as_json` wrote back to the design."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from randomization.designs.base import Design, Factor
from randomization.designs.blocks import BlockDesign
from randomization.designs.clusters import ClusterDesign, PairDesign, StratifiedClusterDesign
from randomization.designs.coins import CoinDesign
from randomization.designs.imported import ImportedDesign
from randomization.designs.minimization import MinimizationDesign
from randomization.designs.simple import SimpleDesign

Plan = Mapping[str, Any]


def design_from(plan: Plan) -> Design:
    """The design that `as_json` wrote."""
    return READERS[plan["method"]](plan)


def _strata(plan: Plan) -> dict[str, Any]:
    return {
        "ratio": dict(plan["ratio"]),
        "factors": tuple(Factor(key, tuple(levels), *weight) for key, levels, *weight in plan["factors"]),
        "places_per_stratum": plan["places_per_stratum"],
    }


def _groups(plan: Plan) -> dict[str, Any]:
    return {
        "ratio": dict(plan["ratio"]),
        "groups": {group: tuple(sites) for group, sites in plan["groups"]},
        "late_places": plan["late_places"],
    }


def _pairs(plan: Plan) -> PairDesign:
    pairs = {pair: tuple(sites) for pair, sites in plan["pairs"]}
    return PairDesign(tuple(plan["arms"]), pairs, plan.get("late_places", 0))


def _coin(plan: Plan) -> CoinDesign:
    return CoinDesign(
        **_strata(plan),
        probability=Fraction(plan["probability"]),
        maximum_imbalance=plan["maximum_imbalance"],
    )


def _minimization(plan: Plan) -> MinimizationDesign:
    return MinimizationDesign(
        **_strata(plan), probability=Fraction(plan["probability"]), imbalance=plan["imbalance"]
    )


READERS: dict[str, Callable[[Plan], Design]] = {
    SimpleDesign.method: lambda plan: SimpleDesign(**_strata(plan)),
    BlockDesign.method: lambda plan: BlockDesign(**_strata(plan), block_sizes=tuple(plan["block_sizes"])),
    CoinDesign.method: _coin,
    MinimizationDesign.method: _minimization,
    ImportedDesign.method: lambda plan: ImportedDesign(**_strata(plan), block_size=plan["block_size"]),
    ClusterDesign.method: lambda plan: ClusterDesign(**_groups(plan)),
    StratifiedClusterDesign.method: lambda plan: StratifiedClusterDesign(**_groups(plan)),
    PairDesign.method: _pairs,
}
