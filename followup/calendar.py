"""A participant's year in the trial's own days and hours.

Week n is seven local days and ends the evening before its question; the first week begins on the first
weekday of the question after the day of randomization, so that no answer reaches back before it. Local
times are kept through summer time: the question comes at nine in March and in April. Pure: no database,
no clock.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from trial.protocol.schema import Protocol

WEEK = timedelta(days=7)
DAY = timedelta(days=1)


class Planned(NamedTuple):
    """One planned contact; times are in UTC."""

    kind: str
    key: str
    number: int
    week_start: date
    opens_at: datetime
    closes_at: datetime


def local_moment(day: date, protocol: Protocol) -> datetime:
    """The moment of the weekly question on a local day.

    A time that the clock skips in spring comes an hour later; of one that it repeats in autumn, the first
    counts.
    """
    zone = ZoneInfo(protocol.time_zone)
    return datetime.combine(day, protocol.weekly.at, zone).astimezone(ZoneInfo("UTC"))


def local_day(moment: datetime, protocol: Protocol) -> date:
    return moment.astimezone(ZoneInfo(protocol.time_zone)).date()


def first_day(randomized_at: datetime, protocol: Protocol) -> date:
    """The first day of week 1: the first weekday of the question after the day of randomization."""
    tomorrow = local_day(randomized_at, protocol) + DAY
    return tomorrow + timedelta(days=(protocol.weekly.weekday_number - tomorrow.weekday()) % 7)


def schedule(starts_on: date, protocol: Protocol) -> Iterator[Planned]:
    """All contacts of a plan: each week's question, then each questionnaire.

    A questionnaire opens the day after the question of its week, so that a code and a number are not asked
    for in one breath.
    """
    for number in range(1, protocol.weekly.weeks + 1):
        week_start = starts_on + (number - 1) * WEEK
        asked_on = week_start + WEEK
        yield Planned(
            kind="weekly",
            key=f"w{number:02d}",
            number=number,
            week_start=week_start,
            opens_at=local_moment(asked_on, protocol),
            closes_at=local_moment(asked_on + WEEK, protocol),
        )
    for one in protocol.questionnaires:
        opens_on = starts_on + one.week * WEEK + DAY
        yield Planned(
            kind="questionnaire",
            key=one.occasion,
            number=one.week,
            week_start=starts_on + (one.week - 1) * WEEK,
            opens_at=local_moment(opens_on, protocol),
            closes_at=local_moment(opens_on + timedelta(days=one.open_days), protocol),
        )
