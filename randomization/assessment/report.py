"""All that is told of one design for so many participants: exact where it can be, simulated where not."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import binom

from randomization.assessment import exact, power
from randomization.assessment.clusters import Sites, sites_of
from randomization.assessment.distribution import Discrete, Floats, Imbalance
from randomization.assessment.guessing import (
    Guesses,
    can_be_believed,
    coin_guesses,
    hidden_guesses,
    open_guesses,
    simple_guesses,
)
from randomization.assessment.scope import (
    HIDDEN,
    LATE,
    LEVEL,
    OVERALL,
    PARTICIPANTS,
    RULE,
    SITES,
    SIZES,
    STRATUM,
    STRATUM_ONLY,
    count_of_strata,
    refuse_what_cannot_be_assessed,
)
from randomization.assessment.simulation import LISTS, Lists, simulate
from randomization.designs import (
    BlockDesign,
    ClusterDesign,
    CoinDesign,
    Design,
    ImportedDesign,
    MinimizationDesign,
    PairDesign,
    SimpleDesign,
)
from randomization.designs.base import StrataDesign

MOMENTS = 24
"""So many points has the course of the imbalance."""

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Part:
    """The imbalance of the whole trial, of any one stratum, or of any one level of a factor."""

    of: str
    factor: str
    imbalance: Imbalance
    bound: float | None
    """The largest that is possible; None where only the number of participants bounds it."""


@dataclass(frozen=True)
class Guess:
    """Correct and certain guesses per allocation: over a long list, and in this trial."""

    knows: str
    correct: float
    certain: float
    long_correct: float | None
    long_certain: float | None


@dataclass(frozen=True)
class Loss:
    """What imbalance takes from the comparison of two arms: shares of the information, and participants."""

    mean: float
    p95: float
    participants_mean: float
    participants_p95: float
    power_mean: float
    power_p95: float
    within_strata: float | None
    """Mean share lost when the analysis compares within each stratum."""


@dataclass(frozen=True)
class Told:
    """The assessment of one design. Numbers of arms are in the order of the ratio."""

    participants: int
    strata: int
    lists: int | None
    """How many were simulated; None where every number is exact."""
    imbalance: tuple[Part, ...]
    guesses: tuple[Guess, ...]
    loss: Loss
    course: tuple[tuple[int, float, float], ...]
    """(participants so far, mean, 95th percentile) of the overall imbalance."""
    sites: int | None = None
    allocations: str = ""
    """Number of possible allocations of sites; a string, since it may be longer than a number of JSON."""
    smallest_p: float | None = None


def assess(
    design: Design,
    *,
    participants: int,
    seed: int,
    lists: int = LISTS,
    progress: Progress = lambda _share: None,
) -> dict[str, Any]:
    """What `Told` holds, with the design, as JSON; the same each time. Raises DesignRefused."""
    refuse_what_cannot_be_assessed(design, participants)
    if isinstance(design, ClusterDesign | PairDesign):
        told = _of_sites(design, sites_of(design), participants)
    else:
        told = _of_participants(_as_made(design), participants, seed, lists, progress)
    progress(1)
    return asdict(told) | {"design": design.as_json()}


def _as_made(design: Design) -> StrataDesign:
    """An imported list is taken for what the protocol says that it is: blocks of one size."""
    assert isinstance(design, StrataDesign)
    if isinstance(design, ImportedDesign):
        return BlockDesign(design.ratio, design.factors, design.places_per_stratum, (design.block_size or 0,))
    return design


def _of_participants(
    design: StrataDesign, participants: int, seed: int, lists: int, progress: Progress
) -> Told:
    moments = _moments(participants, sum(design.ratio.values()))
    if isinstance(design, SimpleDesign | BlockDesign | CoinDesign) and len(design.ratio) == 2:
        parts, loss, course = _exactly(design, participants, moments, progress)
        return Told(
            participants,
            count_of_strata(design),
            None,
            parts,
            _guessed(design, participants, None),
            loss,
            course,
        )
    simulated = simulate(
        design, participants=participants, moments=moments, seed=seed, lists=lists, progress=progress
    )
    parts, loss, course = _from(simulated, design, participants)
    guesses = _guessed(design, participants, simulated)
    return Told(participants, count_of_strata(design), lists, parts, guesses, loss, course)


def _moments(participants: int, unit: int) -> tuple[int, ...]:
    """After whole units of the ratio, so that the course does not jump with what cannot be even."""
    units = np.linspace(1, max(participants // unit, 1), MOMENTS, dtype=int)
    whole = {unit * number for number in units.tolist() if unit * number < participants}
    return (*sorted(whole), participants)


Course = tuple[tuple[int, float, float], ...]


def _exactly(
    design: exact.TwoArms, participants: int, moments: tuple[int, ...], progress: Progress
) -> tuple[tuple[Part, ...], Loss, Course]:
    ratio, strata = tuple(design.ratio.values()), count_of_strata(design)

    def difference(copies: int, so_far: int = participants) -> Discrete:
        return exact.difference(design, strata=strata, participants=so_far, copies=copies)

    overall = difference(strata)
    parts = [
        _part(OVERALL, "", exact.as_imbalance(overall, ratio), _bound(design, strata)),
        _part(STRATUM, "", exact.as_imbalance(difference(1), ratio), _bound(design, 1)),
    ]
    for factor in design.factors if len(design.factors) > 1 else ():
        copies = strata // len(factor.levels)
        parts.append(
            _part(LEVEL, factor.key, exact.as_imbalance(difference(copies), ratio), _bound(design, copies))
        )
    course = []
    for at, so_far in enumerate(moments):
        told = exact.as_imbalance(difference(strata, so_far), ratio)
        course.append((so_far, told.mean, told.percentile(0.95)))
        progress(at / len(moments))
    kept = exact.within_strata(design, strata=strata, participants=participants)
    information = power.information_of(overall, participants, ratio)
    return (
        tuple(parts),
        _loss(information, participants, 1 - kept / _planned(ratio, participants)),
        tuple(course),
    )


def _from(simulated: Lists, design: StrataDesign, participants: int) -> tuple[tuple[Part, ...], Loss, Course]:
    ratio, strata = tuple(design.ratio.values()), count_of_strata(design)
    levels = [len(factor.levels) for factor in design.factors]
    by_level = simulated.final.reshape(len(ratio), simulated.final.shape[1], *levels)

    def spread(numbers: Any) -> Discrete:
        by_share = [of_arm / share for of_arm, share in zip(numbers, ratio, strict=True)]
        return Discrete.of_sample(np.maximum.reduce(by_share) - np.minimum.reduce(by_share))

    parts = [
        _part(OVERALL, "", spread(simulated.course[-1]), _bound(design, strata)),
        _part(STRATUM, "", spread(simulated.final), _bound(design, 1)),
    ]
    for at, factor in enumerate(design.factors if len(design.factors) > 1 else ()):
        others = tuple(2 + other for other in range(len(design.factors)) if other != at)
        bound = _bound(design, strata // len(factor.levels))
        parts.append(_part(LEVEL, factor.key, spread(by_level.sum(axis=others)), bound))
    course = []
    for so_far, numbers in zip(simulated.moments, simulated.course, strict=True):
        told = spread(numbers)
        course.append((so_far, told.mean, told.percentile(0.95)))
    information = Discrete.of_sample(power.information(simulated.course[-1].T, ratio))
    lost = None
    if len(ratio) == 2:
        one, other = simulated.final
        kept = (one * other / np.maximum(one + other, 1)).sum(axis=1).mean()
        lost = float(1 - kept / _planned(ratio, participants))
    return tuple(parts), _loss(information, participants, lost), tuple(course)


def _planned(ratio: tuple[int, ...], participants: int) -> float:
    """n₁n₂/n as planned."""
    return participants * ratio[0] * ratio[1] / sum(ratio) ** 2


def _part(of: str, factor: str, imbalance: Discrete, bound: float | None) -> Part:
    return Part(of, factor, imbalance.imbalance(), bound)


def _bound(design: StrataDesign, strata: int) -> float | None:
    """Of the sum over so many strata: each may be as uneven as half a block, or the coin's maximum."""
    if isinstance(design, BlockDesign):
        return float(strata * max(design.block_sizes) // sum(design.ratio.values()))
    if isinstance(design, CoinDesign) and design.maximum_imbalance is not None:
        return float(strata * design.maximum_imbalance)
    return None


def _loss(information: Discrete, participants: int, within_strata: float | None) -> Loss:
    mean, low = information.mean, information.percentile(0.05)
    likely = sum(
        power.power(float(value)) * float(chance)
        for value, chance in zip(information.values, information.chances, strict=True)
        if chance > 0
    )
    return Loss(
        1 - mean,
        1 - low,
        participants * (1 - mean),
        participants * (1 - low),
        likely,
        power.power(low),
        within_strata,
    )


def _guessed(design: StrataDesign, participants: int, simulated: Lists | None) -> tuple[Guess, ...]:
    if isinstance(design, MinimizationDesign):
        assert simulated is not None
        return (
            Guess(RULE, simulated.known, simulated.certain, None, None),
            Guess(STRATUM_ONLY, simulated.tallied, 0.0, None, None),
        )
    weights = _places(participants, count_of_strata(design))
    ways: list[tuple[str, Guesses]]
    if isinstance(design, BlockDesign):
        ways = [(SIZES, open_guesses(design, len(weights)))]
        if len(design.block_sizes) > 1 and can_be_believed(design):
            ways.append((HIDDEN, hidden_guesses(design, len(weights))))
    elif isinstance(design, CoinDesign):
        ways = [(RULE, coin_guesses(design, len(weights)))]
    else:
        ways = [(RULE, simple_guesses(list(design.ratio.values()), len(weights)))]
    return tuple(
        Guess(knows, *guesses.over(weights), guesses.long_correct, guesses.long_certain)
        for knows, guesses in ways
    )


def _guessed_late(design: ClusterDesign | PairDesign) -> tuple[Guess, ...]:
    """Late places stand in blocks of two units, those of pairs in blocks of one; all are taken to be used."""
    places = design.late_places
    if not places:
        return ()
    ratio, units = (dict.fromkeys(design.arms, 1), 1) if isinstance(design, PairDesign) else (design.ratio, 2)
    guesses = open_guesses(BlockDesign(ratio, (), places, (units * sum(ratio.values()),)), places)
    over = guesses.over(np.full(places, 1 / places))
    return (Guess(LATE, *over, guesses.long_correct, guesses.long_certain),)


def _places(participants: int, strata: int) -> Floats:
    """How the trial's allocations fall on places 1, 2, … of a stratum, as shares that add up to 1."""
    reached = binom.sf(np.arange(participants), participants, 1 / strata)
    used = reached[reached > 1e-15]
    weights: Floats = used / used.sum()
    return weights


def _of_sites(design: ClusterDesign | PairDesign, sites: Sites, participants: int) -> Told:
    """Each site is taken to bring as many participants."""
    spread, each = sites.imbalance(), participants / sites.number
    bound = float(spread.values.max())
    people = Discrete(spread.values * each, spread.chances)
    numbers = np.array(list(sites.compositions), float)
    information = Discrete.of(
        power.information(numbers, sites.ratio), np.array(list(sites.compositions.values()))
    )
    return Told(
        participants,
        len(design.pairs) if isinstance(design, PairDesign) else len(design.groups),
        None,
        (_part(SITES, "", spread, bound), _part(PARTICIPANTS, "", people, bound * each)),
        _guessed_late(design),
        _loss(information, participants, None),
        (),
        sites.number,
        str(sites.allocations),
        sites.smallest_p,
    )
