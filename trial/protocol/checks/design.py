"""Arms, sites and randomization: a design that can be carried out and does not give itself away."""

from collections import Counter
from collections.abc import Iterator
from math import prod

from trial.protocol.checks.items import repeated
from trial.protocol.checks.problems import Problem, nearest
from trial.protocol.checks.readable import up_to_a_hole
from trial.protocol.expressions import ExpressionError, evaluate
from trial.protocol.locate import Path
from trial.protocol.reading import Study
from trial.protocol.schema import BASELINE, Kind, Protocol, StratumFactor

MANY_STRATA = 20
"""Participants per stratum below which unfinished blocks begin to undo the balance."""


def check(study: Study) -> Iterator[Problem]:
    yield from _arms(study.protocol)
    yield from _sites(study.protocol)
    yield from _ratio(study.protocol)
    yield from _method(study)


@up_to_a_hole
def _arms(protocol: Protocol) -> Iterator[Problem]:
    yield from repeated((arm.key for arm in protocol.arms), ("arms",))
    if len(protocol.arms) < 2:
        yield Problem(("arms",), "a randomized trial has at least two arms")


@up_to_a_hole
def _sites(protocol: Protocol) -> Iterator[Problem]:
    yield from repeated((site.key for site in protocol.sites), ("sites",))
    if not protocol.sites:
        yield Problem(("sites",), "the trial needs at least one site")


@up_to_a_hole
def _method(study: Study) -> Iterator[Problem]:
    protocol = study.protocol
    if protocol.randomization.method == "permuted_blocks":
        yield from _blocks(protocol)
        yield from _no_pairs(protocol)
        yield from _strata(study)
    else:
        yield from _pairs(protocol)


@up_to_a_hole
def _ratio(protocol: Protocol) -> Iterator[Problem]:
    arms = {arm.key for arm in protocol.arms}
    path = ("randomization", "ratio")
    for key in protocol.randomization.ratio:
        if key not in arms:
            yield Problem((*path, key), f"there is no arm “{key}”", nearest(key, arms))
    for key in sorted(arms - protocol.randomization.ratio.keys()):
        yield Problem(path, f"the arm “{key}” has no share", f"{key} = 1")


@up_to_a_hole
def _blocks(protocol: Protocol) -> Iterator[Problem]:
    design, total = protocol.randomization, sum(protocol.randomization.ratio.values())
    if not design.block_sizes:
        yield Problem(
            ("randomization", "block_sizes"), "permuted blocks need sizes", f"[{2 * total}, {3 * total}]"
        )
    for number, size in enumerate(design.block_sizes):
        path = ("randomization", "block_sizes", number)
        if size == 2:
            yield Problem(path, "in a block of 2 the second place is known beforehand", "4 or more")
        elif size % total:
            yield Problem(
                path,
                f"{size} is not a multiple of {total}, the sum of the ratio",
                f"{(size // total + 1) * total}",
            )
    if len(design.block_sizes) == 1:
        yield Problem(
            ("randomization", "block_sizes"),
            "one size alone lets more places be guessed",
            "two sizes",
            note=True,
        )
    if design.places_per_stratum is None:
        yield Problem(("randomization",), "places_per_stratum is missing", "enough that no list runs out")


@up_to_a_hole
def _no_pairs(protocol: Protocol) -> Iterator[Problem]:
    for number, site in enumerate(protocol.sites):
        if site.pair or site.cluster:
            yield Problem(("sites", number), "pair and cluster belong to pairwise_clusters")


@up_to_a_hole
def _strata(study: Study) -> Iterator[Problem]:
    protocol, strata = study.protocol, study.protocol.randomization.strata
    yield from repeated((factor.key for factor in strata), ("randomization", "strata"))
    for number, factor in enumerate(strata):
        path = ("randomization", "strata", number)
        if factor.source != "site":
            yield from _factor(study, factor, path)
        elif factor.levels:
            yield Problem((*path, "levels"), "the sites themselves are the levels", "remove levels")
    count = prod(len(protocol.sites if one.source == "site" else one.levels) for one in strata)
    if strata and protocol.target < count * MANY_STRATA:
        each = protocol.target // max(count, 1)
        what = f"{count} strata leave about {each} participants for each: too many strata undo the blocks"
        yield Problem(("randomization", "strata"), what, "fewer factors or levels", note=True)


@up_to_a_hole
def _factor(study: Study, factor: StratumFactor, path: Path) -> Iterator[Problem]:
    answered = {item.key: item for item in study.protocol.eligibility.items}
    if factor.source not in answered:
        answered |= {item.key: item for one in study.instruments_at(BASELINE) for item in one.items}
    if factor.source not in answered:
        what = f"no item “{factor.source}” is answered before randomization"
        yield Problem((*path, "source"), what, nearest(factor.source, [*answered, "site"]))
        return
    item = answered[factor.source]
    if item.kind != Kind.SINGLE:
        yield Problem((*path, "source"), f"“{item.key}” is of kind “{item.kind}”", "a stratum needs “single”")
    if not item.required or item.shown_if:
        yield Problem(
            (*path, "source"), f"“{item.key}” can stay unanswered", "required = true, and no shown_if"
        )
    values = [value for level in factor.levels for value in level.values]
    options = {option.value for option in item.options}
    yield from repeated((level.key for level in factor.levels), (*path, "levels"))
    for value in sorted(set(values) - options):
        yield Problem((*path, "levels"), f"“{item.key}” has no option “{value}”", nearest(value, options))
    for value, count in Counter(values).items():
        if count > 1:
            yield Problem((*path, "levels"), f"the option “{value}” belongs to two levels")
    excluded = {value for value in options if _excludes(study.protocol, item.key, value)}
    for value in sorted(options - set(values) - excluded):
        yield Problem((*path, "levels"), f"the option “{value}” of “{item.key}” belongs to no level")


def _excludes(protocol: Protocol, key: str, value: str) -> bool:
    """Whether an answer alone means that somebody cannot take part, so that no list is needed for it."""
    for criterion in protocol.eligibility.criteria:
        if criterion.expression and criterion.checked_by == "participant":
            try:
                holds = evaluate(criterion.expression, {key: value})
            except ExpressionError:
                continue
            if holds is (criterion.kind == "exclusion"):
                return True
    return False


@up_to_a_hole
def _pairs(protocol: Protocol) -> Iterator[Problem]:
    design = protocol.randomization
    if len(protocol.arms) != 2 or set(design.ratio.values()) != {1}:
        yield Problem(("randomization", "ratio"), "pairs go to two arms, one unit to each", "1 and 1")
    for name in ("block_sizes", "strata", "places_per_stratum"):
        if getattr(design, name):
            yield Problem(("randomization", name), "belongs to permuted_blocks", "remove it")
    count = Counter(site.pair for site in protocol.sites)
    for number, site in enumerate(protocol.sites):
        path = ("sites", number)
        if not site.cluster:
            yield Problem(path, f"“{site.key}” must be randomized as a whole", "cluster = true")
        if site.pair is None:
            yield Problem(path, f"“{site.key}” has no pair", "pair = …")
        elif count[site.pair] != 2:
            what = f"the pair “{site.pair}” has {count[site.pair]} site(s)"
            yield Problem((*path, "pair"), what, "exactly two sites make a pair")
