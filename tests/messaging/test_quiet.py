from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest

from trial.messaging.quiet import next_allowed
from trial.protocol.schema import Messages, Protocol

OSLO = ZoneInfo("Europe/Oslo")


def protocol(quiet_from=time(21), quiet_to=time(8)):
    messages = Messages.model_construct(quiet_from=quiet_from, quiet_to=quiet_to)
    return Protocol.model_construct(time_zone="Europe/Oslo", messages=messages)


@pytest.mark.parametrize(
    ("at", "allowed"),
    [
        ("2026-03-02 20:59", "2026-03-02 20:59"),
        ("2026-03-02 21:00", "2026-03-03 08:00"),
        ("2026-03-03 03:00", "2026-03-03 08:00"),
        ("2026-03-03 08:00", "2026-03-03 08:00"),
        ("2026-03-28 23:00", "2026-03-29 08:00"),  # the night that is an hour short
        ("2026-10-24 23:00", "2026-10-25 08:00"),  # and the one that is an hour long
    ],
)
def test_a_message_waits_until_the_morning_of_the_trials_own_clock(at, allowed):
    at, allowed = (datetime.fromisoformat(moment).replace(tzinfo=OSLO) for moment in (at, allowed))
    assert next_allowed(protocol(), at) == allowed
    assert next_allowed(protocol(), at.astimezone(ZoneInfo("UTC"))) == allowed


def test_quiet_hours_within_one_day_end_the_same_day():
    at = datetime(2026, 3, 2, 12, 30, tzinfo=OSLO)
    assert next_allowed(protocol(time(12), time(13)), at) == at.replace(hour=13, minute=0)


def test_equal_hours_mean_no_quiet_hours():
    at = datetime(2026, 3, 2, 8, tzinfo=OSLO)
    assert next_allowed(protocol(time(8), time(8)), at) == at
