"""The designs by which places come into arms: pure and repeatable, known to no database.

The specification with test vectors is docs/randomization-list.md.
"""

from randomization.designs.base import (
    NONCE_BYTES,
    Design,
    DesignRefused,
    Factor,
    Places,
    canonical,
    commitment,
    strata,
    stratum_key,
)
from randomization.designs.blocks import BlockDesign
from randomization.designs.clusters import ClusterDesign, PairDesign, SitesDesign, StratifiedClusterDesign
from randomization.designs.coins import CoinDesign
from randomization.designs.imported import ImportedDesign
from randomization.designs.minimization import MinimizationDesign
from randomization.designs.reading import design_from
from randomization.designs.simple import SimpleDesign

__all__ = [
    "NONCE_BYTES",
    "BlockDesign",
    "ClusterDesign",
    "CoinDesign",
    "Design",
    "DesignRefused",
    "Factor",
    "ImportedDesign",
    "MinimizationDesign",
    "PairDesign",
    "Places",
    "SimpleDesign",
    "SitesDesign",
    "StratifiedClusterDesign",
    "canonical",
    "commitment",
    "design_from",
    "strata",
    "stratum_key",
]
