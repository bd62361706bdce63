"""All tables of randomization. No other app imports them."""

from randomization.models.allocations import (
    Allocation,
    ClusterAllocation,
    Deviation,
    Envelope,
    EnvelopeReturn,
    Notice,
    Unblinding,
    UnblindingDecision,
)
from randomization.models.envelopes import EnvelopePrint, EnvelopeUse
from randomization.models.lists import (
    DesignReport,
    ListExtension,
    Place,
    Reveal,
    SealedList,
    SealProposal,
    Stratum,
)

__all__ = [
    "Allocation",
    "ClusterAllocation",
    "DesignReport",
    "Deviation",
    "Envelope",
    "EnvelopePrint",
    "EnvelopeReturn",
    "EnvelopeUse",
    "ListExtension",
    "Notice",
    "Place",
    "Reveal",
    "SealProposal",
    "SealedList",
    "Stratum",
    "Unblinding",
    "UnblindingDecision",
]
