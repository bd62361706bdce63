"""The rules of the analysis plan, week by week."""

import pytest

from analysis.statistics.outcomes import (
    Plan,
    Rule,
    SustainedReturn,
    may_hide_a_return,
    sustained_return,
    work_ability,
)

PLAN = Plan(
    rule_version="1",
    week=12,
    working=Rule(4),
    sustained=Rule(4),
    confidence=0.95,
    missing="Weeks count as they are.",
)


def weeks(text: str) -> list[float | None]:
    """ "0 0 3 ." reads as 0, 0 and 3 days and a week without an answer."""
    return [None if word == "." else float(word) for word in text.split()]


@pytest.mark.parametrize(
    ("answers", "working"),
    [
        ("5 5 5 5 5 5 5 5 0 0 0 0", True),
        ("0 0 0 0 0 0 0 0 0 0 0 1", False),
        ("0 0 0 0 0 0 0 0 0 0 0.5 0", False),
        ("0 0 0 0 0 0 0 0 0 0 . 0", None),
        ("0 0 0 0 0 0 0 0 0 5 . 0", None),
        (". . . . . . . . 0 0 0 0", True),
        ("0 0 0 0", None),
        ("", None),
    ],
)
def test_working_at_the_end_needs_every_one_of_its_last_weeks(answers, working):
    assert work_ability(weeks(answers), PLAN) is working


@pytest.mark.parametrize(
    ("answers", "day", "happened"),
    [
        ("0 0 0 0", 1, True),
        ("5 5 0 0 0 0 5 0 0 0 0", 15, True),
        ("5 0 0 0 5 0 0 0 0 5 5 5", 36, True),
        ("5 0 0 . 0 0 0 0 5", 29, True),
        ("5 5 5 5", 28, False),
        ("5 5 0 0", 14, False),
        ("5 5 0 0 . .", 14, False),
        ("5 5 0 . 5 .", 35, False),
        ("0 0 0", 0, False),
        (". . .", 0, False),
        ("", 0, False),
    ],
)
def test_a_sustained_return_is_dated_by_the_first_day_of_its_first_long_enough_run(answers, day, happened):
    assert sustained_return(weeks(answers), PLAN) == SustainedReturn(day, happened)


def test_the_rule_says_how_many_days_of_sick_leave_still_count_as_working():
    lenient = Plan("2", 12, Rule(4, 1), Rule(2, 0.5), 0.95, "")
    assert work_ability(weeks("5 5 5 5 5 5 5 5 1 0 1 0"), lenient) is True
    assert sustained_return(weeks("5 0.5 0 5"), lenient) == SustainedReturn(8, True)


@pytest.mark.parametrize(
    ("answers", "hides"),
    [
        ("5 . . . . 5 0 0 0 0", True),
        ("5 . . . 5 0 0 0 0", False),
        ("0 0 0 0 . . . . 5", False),
        ("5 . . . .", False),
    ],
)
def test_a_gap_as_long_as_a_sustained_return_may_hide_one(answers, hides):
    assert may_hide_a_return(weeks(answers), PLAN) is hides
