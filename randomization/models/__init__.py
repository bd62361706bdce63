"""All tables of randomization. No other app imports them."""

from randomization.models.allocations import Allocation, ClusterAllocation
from randomization.models.deviations import Deviation
from randomization.models.envelopes import Envelope, EnvelopePrint, EnvelopeReturn, EnvelopeUse
from randomization.models.lists import (
    DesignReport,
    ListExtension,
    Place,
    Reveal,
    SealedList,
    SealProposal,
    Stratum,
)
from randomization.models.notices import Notice
from randomization.models.unblindings import Unblinding, UnblindingDecision

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
