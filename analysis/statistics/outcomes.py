"""The outcomes of the weekly ledger, for one participant.

`days` is the ledger in order: days of sick leave in week 1, 2, … of follow-up, None where the week has
no answer. A week counts as worked when it was answered with no more days than the rule allows; a week
without an answer never does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DAYS_OF_A_WEEK = 7


@dataclass(frozen=True)
class Rule:
    """How many weeks in a row, with at most how many days of sick leave in each, count as working."""

    consecutive_weeks: int
    maximum_days: float = 0

    def worked(self, days: float | None) -> bool:
        return days is not None and days <= self.maximum_days


@dataclass(frozen=True)
class Plan:
    """The analysis plan as the snapshot's manifest carries it, fixed by the protocol before the data
    were seen."""

    rule_version: str
    week: int
    """The week of follow-up at whose end work ability is judged."""
    working: Rule
    sustained: Rule
    confidence: float
    missing: str
    """How weeks without an answer are handled, in words."""
    clustered: bool = False
    """Whether whole sites were randomized."""
    reference_arm: str | None = None
    """None while the arms are masked: the plan would tell which letter is which."""

    @classmethod
    def from_manifest(cls, plan: Mapping[str, Any]) -> "Plan":
        return cls(**{**plan, "working": Rule(**plan["working"]), "sustained": Rule(**plan["sustained"])})


@dataclass(frozen=True)
class SustainedReturn:
    """Day of follow-up (1 is the first) on which a sustained return began, or up to which none had."""

    day: int
    happened: bool


def work_ability(days: Sequence[float | None], plan: Plan) -> bool | None:
    """Whether the participant worked each of the rule's weeks that end with the plan's week.

    None unless every one of those weeks is answered. One answered week with sick leave would already
    settle a "no", but counting those and not the ones who answered 0 would make the missing look like
    the ill.
    """
    window = days[max(plan.week - plan.working.consecutive_weeks, 0) : plan.week]
    if len(window) < plan.working.consecutive_weeks or any(week is None for week in window):
        return None
    return all(plan.working.worked(week) for week in window)


def sustained_return(days: Sequence[float | None], plan: Plan) -> SustainedReturn:
    """The first day of the first run of worked weeks that is as long as the rule asks.

    Without such a run the participant is censored on the last day of the last answered week; where the
    answers end in a run that is still too short, on the day before that run, since nobody can know yet
    whether the return began there.
    """
    run = answered = begun = 0
    for number, week in enumerate(days, start=1):
        run = run + 1 if plan.sustained.worked(week) else 0
        if week is not None:
            answered, begun = number, run
        if run == plan.sustained.consecutive_weeks:
            return SustainedReturn(DAYS_OF_A_WEEK * (number - run) + 1, happened=True)
    return SustainedReturn(DAYS_OF_A_WEEK * (answered - begun), happened=False)


def may_hide_a_return(days: Sequence[float | None], plan: Plan) -> bool:
    """Whether weeks are missing so many in a row, before the day that counts, that a sustained return
    may lie there."""
    gap = 0
    for week in days[: sustained_return(days, plan).day // DAYS_OF_A_WEEK]:
        gap = gap + 1 if week is None else 0
        if gap >= plan.sustained.consecutive_weeks:
            return True
    return False
