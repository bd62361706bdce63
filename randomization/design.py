"""From the protocol to the design of the lists, and from a participant to their stratum."""

from randomization.lists import PAIRWISE_CLUSTERS, BlockDesign, Factor, PairDesign, stratum_key
from screening.selectors import screening_answers
from trial.people.models import Participant
from trial.protocol.schema import BASELINE, Protocol
from trial.protocol.schema.trial import StratumFactor
from trial.questionnaires.selectors import answers_of

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
    levels = {}
    for factor in protocol.randomization.strata:
        level = _level(factor, participant)
        if level is None:
            return None
        levels[factor.key] = level
    return stratum_key(levels)


def _level(factor: StratumFactor, participant: Participant) -> str | None:
    if factor.source == SITE:
        return participant.site.key
    answer = screening_answers(participant).get(factor.source)
    if answer is None:
        answer = answers_of(participant, BASELINE).get(factor.source)
    return None if answer is None else factor.level_of(answer)
