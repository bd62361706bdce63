"""What a report is about, by names and limits. Free of SciPy, for which every process would wait."""

from math import prod

from django.utils.translation import gettext as _

from randomization.designs import BlockDesign, Design, DesignRefused, ImportedDesign
from randomization.designs.base import StrataDesign

MAXIMUM_PARTICIPANTS, MAXIMUM_STRATA, MAXIMUM_BLOCK = 5000, 400, 40
RARE = 10_000
"""The *worst* imbalance is what one list in so many passes."""
NOMINAL, ALPHA = 0.8, 0.05
"""Planned power and two-sided level."""
OVERALL, STRATUM, LEVEL, SITES, PARTICIPANTS = "overall", "stratum", "level", "sites", "participants"
SIZES, HIDDEN, RULE, STRATUM_ONLY, LATE = "sizes", "hidden", "rule", "stratum_only", "late"
"""What the guesser knows besides the allocations: each block's size, which sizes may come, the rule with all
participants' levels, nothing but the allocations of the stratum, or the blocks of late sites."""


def refuse_what_cannot_be_assessed(design: Design, participants: int) -> None:
    """Raises DesignRefused with the reason."""
    if isinstance(design, ImportedDesign) and design.block_size is None:
        raise DesignRefused(_("The protocol does not say how the imported list was made."))
    design.refuse_what_can_be_guessed()
    if isinstance(design, BlockDesign) and max(design.block_sizes) > MAXIMUM_BLOCK:
        raise DesignRefused(_("A report is made for blocks of at most %(most)s.") % {"most": MAXIMUM_BLOCK})
    if not 1 <= participants <= MAXIMUM_PARTICIPANTS:
        raise DesignRefused(
            _("A report is made for at most %(most)s participants.") % {"most": MAXIMUM_PARTICIPANTS}
        )
    if isinstance(design, StrataDesign) and count_of_strata(design) > MAXIMUM_STRATA:
        raise DesignRefused(_("A report is made for at most %(most)s strata.") % {"most": MAXIMUM_STRATA})


def count_of_strata(design: StrataDesign) -> int:
    return prod(len(factor.levels) for factor in design.factors)
