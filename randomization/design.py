"""From the protocol to the design of the lists, and from a participant to their stratum."""

from trial.questionnaires.selectors import answers_of

from randomization.lists import PAIRWISE_CLUSTERS, BlockDesign, Factor, PairDesign, stratum_key
from screening.selectors import screening_answers
from trial.people.models import Participant
from trial.protocol.schema import Protocol
from trial.protocol.schema.trial import StratumFactor

SITE = "site"


def design_of(protocol: Protocol) -> BlockDesign | PairDesign:
    """The design that the protocol describes, not yet checked."""
    plan = protocol.randomization
    if plan.method == PAIRWISE_CLUSTERS:
        pairs: dict[str, tuple[str, ...]] = {}
        for site in protocol.sites:
            if site.pair:
                pairs[site.pair] = (*pairs.get(site.pair, ()), site.key)
        return PairDesign(arms=tuple(plan.ratio), pairs=pairs)
    return BlockDesign(
        ratio=dict(plan.ratio),
        block_sizes=plan.block_sizes,
        factors=tuple(_factor(factor, protocol) for factor in plan.strata),
        places_per_stratum=plan.places_per_stratum or protocol.target,
    )


def _factor(factor: StratumFactor, protocol: Protocol) -> Factor:
    levels = protocol.sites if factor.source == SITE else factor.levels
    return Factor(factor.key, tuple(level.key for level in levels))


def stratum_of(participant: Participant, protocol: Protocol) -> str | None:
    """Name of the participant's stratum; None while a question that it depends on has no answer."""
    factors = protocol.randomization.strata
    answers = {}
    if any(factor.source != SITE for factor in factors):
        answers = {**answers_of(participant, "baseline"), **screening_answers(participant)}
    levels = {}
    for factor in factors:
        level = (
            participant.site.key if factor.source == SITE else factor.level_of(answers.get(factor.source, ""))
        )
        if level is None:
            return None
        levels[factor.key] = level
    return stratum_key(levels)
