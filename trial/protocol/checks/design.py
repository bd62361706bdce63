"""Arms, sites and masking; `methods` and `strata` check how units come into the arms."""

from collections.abc import Iterator

from trial.protocol.checks import methods, strata
from trial.protocol.checks.items import repeated
from trial.protocol.checks.problems import Problem, nearest
from trial.protocol.checks.readable import up_to_a_hole
from trial.protocol.reading import Study
from trial.protocol.schema import Protocol


def check(study: Study) -> Iterator[Problem]:
    protocol = study.protocol
    yield from _arms(protocol)
    yield from _sites(protocol)
    yield from _ratio(protocol)
    yield from methods.check(protocol)
    yield from strata.check(study)
    yield from _masking(protocol)
    yield from _unblinding(protocol)


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
def _ratio(protocol: Protocol) -> Iterator[Problem]:
    arms = {arm.key for arm in protocol.arms}
    path = ("randomization", "ratio")
    for key in protocol.randomization.ratio:
        if key not in arms:
            yield Problem((*path, key), f"there is no arm “{key}”", nearest(key, arms))
    for key in sorted(arms - protocol.randomization.ratio.keys()):
        yield Problem(path, f"the arm “{key}” has no share", f"{key} = 1")


@up_to_a_hole
def _masking(protocol: Protocol) -> Iterator[Problem]:
    if protocol.randomization.masking == "open":
        return
    path = ("randomization", "masking")
    if protocol.expert_team is not None:
        what = "a case of the expert team tells the arm: only unblinded staff can open and manage cases"
        yield Problem(path, what, note=True)
    if protocol.randomization.is_by_site:
        what = "everybody at a site is in the same arm: one participant's arm tells all others'"
        yield Problem(path, what, note=True)


@up_to_a_hole
def _unblinding(protocol: Protocol) -> Iterator[Problem]:
    design = protocol.randomization
    if design.masking == "open" and design.unblinding is not None:
        what = "there is nothing to unblind in an open trial"
        yield Problem(("randomization", "unblinding"), what, "masking = “blinded”, or remove it")
    if design.masking == "blinded" and design.unblinding is None:
        what = "nobody could learn a participant's arm in an emergency"
        yield Problem(("randomization",), what, "[randomization.unblinding]", note=True)
