"""The first analysis, from a snapshot's files alone: work ability at the end and time to sustained
return to work.

Nothing here knows the time, the database or a trial: the same file gives the same numbers, and the same
bytes.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import combinations, groupby
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import norm

from analysis.statistics.outcomes import (
    DAYS_OF_A_WEEK,
    Plan,
    SustainedReturn,
    may_hide_a_return,
    sustained_return,
    work_ability,
)
from analysis.statistics.proportions import compare_proportions, wilson
from analysis.statistics.snapshot_file import SnapshotFile, open_snapshot
from analysis.statistics.survival import (
    Floats,
    Interval,
    NotEstimable,
    SurvivalCurve,
    cox,
    kaplan_meier,
    log_rank,
    restricted_mean,
    restricted_mean_difference,
)

WORK_ABILITY, SUSTAINED_RETURN = "work_ability", "sustained_return"
NOT_YET = ("not_due", "waiting")
"""The reasons in `weekly.csv` for a week whose time to answer has not run out."""


@dataclass(frozen=True)
class Line:
    """One result. `estimate` with its interval, or a count `n` (`of` so many), or a p-value; the rest is
    None.

    Proportions and differences are fractions, times are days of follow-up counted from 1. `group` is an
    arm, two arms ("A vs B": first minus, or over, second), or empty for all arms together.
    """

    outcome: str
    measure: str
    group: str = ""
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    n: int | None = None
    of: int | None = None


@dataclass(frozen=True)
class Group:
    """What the weekly answers of some randomized participants come to."""

    name: str
    sites: tuple[str, ...]
    """Where each of them takes part, in the order of `returns`."""
    working: tuple[bool | None, ...]
    """Of those who have reached the plan's week; None where it cannot be told."""
    returns: tuple[SustainedReturn, ...]
    may_hide: int
    """How many have so long a gap that a return may lie in it."""

    @property
    def size(self) -> int:
        return len(self.returns)

    @property
    def counted(self) -> int:
        return sum(work is not None for work in self.working)

    @property
    def at_work(self) -> int:
        return sum(work is True for work in self.working)

    @property
    def missing(self) -> int:
        return len(self.working) - self.counted

    @property
    def times(self) -> Floats:
        return np.array([each.day for each in self.returns], dtype=float)

    @property
    def events(self) -> Floats:
        return np.array([each.happened for each in self.returns], dtype=float)

    def curve(self) -> SurvivalCurve:
        return kaplan_meier(self.times, self.events)


@dataclass(frozen=True)
class Report:
    """The first analysis of one snapshot. `everyone` is all arms together, `groups` each arm by itself."""

    manifest: dict[str, Any]
    sha256: str
    """Of the snapshot's zip."""
    plan: Plan
    weeks: int
    """The longest ledger in the snapshot."""
    everyone: Group
    groups: tuple[Group, ...]
    lines: tuple[Line, ...]

    @property
    def masked(self) -> bool:
        return bool(self.manifest["masked"])

    def as_json(self) -> dict[str, Any]:
        """What the data room shows.

        Comparisons of masked arms are left out: only the open trial's are for looking at.
        """
        shown = (self.everyone,) if self.masked else self.groups
        names = {group.name for group in shown}
        return {
            "masked": self.masked,
            "rule_version": self.plan.rule_version,
            "week": self.plan.week,
            "weeks": self.weeks,
            "missing": self.plan.missing,
            "clustered": self.plan.clustered,
            "lines": [asdict(line) for line in self.lines if not self.masked or line.group in names],
            "curves": [{"group": group.name, "steps": _steps(group)} for group in shown if group.size],
        }

    def write(self, directory: Path) -> list[Path]:
        """Write table, page and plot into `directory` (made if needed) and return their paths."""
        from analysis.statistics import pages

        return pages.write(self, directory)

    def __str__(self) -> str:
        from analysis.statistics import pages

        return pages.as_text(self)


def analyse(path: Path) -> Report:
    """The first analysis of the snapshot at `path`.

    Raises DamagedSnapshot when the file is not what was made.
    """
    with open_snapshot(path) as snapshot:
        plan = Plan.from_manifest(snapshot.manifest["plan"])
        randomized = {row["participant"]: row for row in snapshot.rows("participants.csv") if row["arm"]}
        members = _members(snapshot, plan, randomized)
        groups = tuple(_group(arm, members[arm]) for arm in snapshot.manifest["arms"])
        everyone = _group("", [member for arm in snapshot.manifest["arms"] for member in members[arm]])
        return Report(
            manifest=snapshot.manifest,
            sha256=snapshot.sha256,
            plan=plan,
            weeks=max((member.weeks for some in members.values() for member in some), default=0),
            everyone=everyone,
            groups=groups,
            lines=tuple(_lines(plan, everyone, groups)),
        )


@dataclass(frozen=True)
class _Member:
    site: str
    weeks: int
    due: bool
    working: bool | None
    returned: SustainedReturn
    may_hide: bool


def _members(
    snapshot: SnapshotFile, plan: Plan, randomized: dict[str, dict[str, str]]
) -> dict[str, list[_Member]]:
    """The randomized participants by arm, read from a ledger that is sorted by participant and week."""
    members: dict[str, list[_Member]] = defaultdict(list)
    unseen = dict(randomized)
    for participant, rows in groupby(snapshot.rows("weekly.csv"), key=lambda row: row["participant"]):
        if known := unseen.pop(participant, None):
            members[known["arm"]].append(_member(known["site"], list(rows), plan))
    for known in unseen.values():
        members[known["arm"]].append(_member(known["site"], [], plan))
    return members


def _member(site: str, rows: list[dict[str, str]], plan: Plan) -> _Member:
    days = [float(row["days"]) if row["days"] else None for row in rows]
    return _Member(
        site=site,
        weeks=len(rows),
        due=len(rows) >= plan.week and rows[plan.week - 1]["missing"] not in NOT_YET,
        working=work_ability(days, plan),
        returned=sustained_return(days, plan),
        may_hide=may_hide_a_return(days, plan),
    )


def _group(name: str, members: list[_Member]) -> Group:
    return Group(
        name=name,
        sites=tuple(member.site for member in members),
        working=tuple(member.working for member in members if member.due),
        returns=tuple(member.returned for member in members),
        may_hide=sum(member.may_hide for member in members),
    )


def _lines(plan: Plan, everyone: Group, groups: tuple[Group, ...]) -> Iterator[Line]:
    pairs = _pairs(plan, groups)
    for group in (everyone, *groups):
        yield from _work_of(group, plan)
    for first, second in pairs:
        yield from _work_compared(first, second, plan)
    for group in (everyone, *groups):
        yield from _return_of(group, plan)
    for first, second in pairs:
        yield from _return_compared(first, second, plan)


def _pairs(plan: Plan, groups: tuple[Group, ...]) -> list[tuple[Group, Group]]:
    """Each arm against the reference; masked, each letter against each later one."""
    reference = next((group for group in groups if group.name == plan.reference_arm), None)
    if reference is None:
        return list(combinations(groups, 2))
    return [(group, reference) for group in groups if group is not reference]


def _work_of(group: Group, plan: Plan) -> Iterator[Line]:
    reached = len(group.working)
    yield Line(WORK_ABILITY, "randomized", group.name, n=group.size)
    yield Line(WORK_ABILITY, "reached the week", group.name, n=reached, of=group.size)
    yield Line(WORK_ABILITY, "missing", group.name, n=group.missing, of=reached)
    for measure, n, of in (
        ("working", group.at_work, group.counted),
        ("working, missing counted as not working", group.at_work, reached),
        ("working, missing counted as working", group.at_work + group.missing, reached),
    ):
        if of:
            interval = wilson(n, of, plan.confidence)
            yield Line(WORK_ABILITY, measure, group.name, n / of, interval.low, interval.high, n=n, of=of)
        else:
            yield Line(WORK_ABILITY, measure, group.name, n=0, of=0)


def _work_compared(first: Group, second: Group, plan: Plan) -> Iterator[Line]:
    name = f"{first.name} vs {second.name}"
    try:
        both = compare_proportions(
            first.at_work, first.counted, second.at_work, second.counted, plan.confidence
        )
    except NotEstimable:
        yield Line(WORK_ABILITY, "risk difference", name)
        yield Line(WORK_ABILITY, "odds ratio", name)
        return
    yield _estimate(
        WORK_ABILITY, "risk difference", name, both.risk_difference, both.risk_difference_interval
    )
    yield _estimate(WORK_ABILITY, "odds ratio", name, both.odds_ratio.value, both.odds_ratio.interval)
    yield _estimate(WORK_ABILITY, "risk ratio", name, both.risk_ratio.value, both.risk_ratio.interval)
    yield Line(WORK_ABILITY, "chi-squared test", name, both.chi2, p=both.chi2_p)
    yield Line(WORK_ABILITY, "Fisher's exact test", name, p=both.fisher_p)


def _return_of(group: Group, plan: Plan) -> Iterator[Line]:
    returned = sum(each.happened for each in group.returns)
    yield Line(SUSTAINED_RETURN, "returned", group.name, n=returned, of=group.size)
    yield Line(SUSTAINED_RETURN, "a gap may hide a return", group.name, n=group.may_hide, of=group.size)
    if group.size:
        curve = group.curve()
        interval = curve.quantile_interval(0.5, plan.confidence)
        yield _estimate(SUSTAINED_RETURN, "median day", group.name, curve.quantile(0.5), interval)


def _return_compared(first: Group, second: Group, plan: Plan) -> Iterator[Line]:
    name = f"{first.name} vs {second.name}"
    times, events = np.concatenate((first.times, second.times)), np.concatenate((first.events, second.events))
    is_first = np.repeat([1.0, 0.0], [first.size, second.size])
    try:
        statistic, p = log_rank(times, events, is_first)
    except NotEstimable:
        yield Line(SUSTAINED_RETURN, "log-rank test", name)
        return
    yield Line(SUSTAINED_RETURN, "log-rank test", name, statistic, p=p)
    z = float(norm.ppf(0.5 + plan.confidence / 2))
    if first.events.any() and second.events.any():
        fit = cox(times, events, is_first, clusters=first.sites + second.sites if plan.clustered else None)
        log_ratio = float(fit.coefficients[0])
        se = float((fit.se if fit.robust_se is None else fit.robust_se)[0])
        limits = Interval(float(np.exp(log_ratio - z * se)), float(np.exp(log_ratio + z * se)))
        yield _estimate(SUSTAINED_RETURN, "hazard ratio of return", name, float(np.exp(log_ratio)), limits)
    yield from _means_compared(first, second, z)


def _means_compared(first: Group, second: Group, z: float) -> Iterator[Line]:
    """Restricted means up to the last day that both arms reach."""
    until = float(min(first.times.max(), second.times.max()))
    for group in (first, second):
        mean, se = restricted_mean(group.curve(), until)
        measure = f"mean days to return within {until:.0f} days"
        yield Line(SUSTAINED_RETURN, measure, group.name, mean, mean - z * se, mean + z * se)
    try:
        difference = restricted_mean_difference(second.curve(), first.curve(), until)
    except NotEstimable:
        return
    low, high = difference.value - z * difference.se, difference.value + z * difference.se
    measure = f"difference of mean days within {until:.0f} days"
    yield Line(
        SUSTAINED_RETURN, measure, f"{first.name} vs {second.name}", difference.value, low, high, difference.p
    )


def _estimate(outcome: str, measure: str, group: str, value: float | None, interval: Interval) -> Line:
    return Line(outcome, measure, group, value, interval.low, interval.high)


def _steps(group: Group) -> list[tuple[float, float]]:
    """The fraction that had returned, as (week, fraction) where it changes; ends with the last week seen."""
    curve = group.curve()
    points = [(0.0, 0.0)]
    for day, survival in zip(curve.times, curve.survival, strict=True):
        points.append((round(float(day - 1) / DAYS_OF_A_WEEK, 3), round(1 - float(survival), 6)))
    return [*points, (round(curve.last / DAYS_OF_A_WEEK, 3), points[-1][1])]
