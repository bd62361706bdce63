"""Quiet hours: when no message goes out, in the trial's own time zone."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from trial.protocol.schema import Protocol


def next_allowed(protocol: Protocol, at: datetime) -> datetime:
    """The first moment from `at` on that lies outside the protocol's quiet hours."""
    zone = ZoneInfo(protocol.time_zone)
    local = at.astimezone(zone)
    if not protocol.messages.are_quiet(local.time()):
        return at
    quiet_to = protocol.messages.quiet_to
    ends_tomorrow = local.time() >= quiet_to
    day = local.date() + timedelta(days=1 if ends_tomorrow else 0)
    return datetime.combine(day, quiet_to, zone).astimezone(at.tzinfo)
