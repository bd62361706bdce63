"""Quiet hours: when no message goes out, in the trial's own time zone."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from trial.protocol.schema import Protocol


def next_allowed(protocol: Protocol, at: datetime) -> datetime:
    """The first moment from `at` on that lies outside the protocol's quiet hours."""
    zone = ZoneInfo(protocol.time_zone)
    local = at.astimezone(zone)
    quiet_from, quiet_to = protocol.messages.quiet_from, protocol.messages.quiet_to
    if not _is_quiet(local.time(), quiet_from, quiet_to):
        return at
    ends_tomorrow = local.time() >= quiet_to
    day = local.date() + timedelta(days=1 if ends_tomorrow else 0)
    return datetime.combine(day, quiet_to, zone).astimezone(at.tzinfo)


def _is_quiet(moment: time, quiet_from: time, quiet_to: time) -> bool:
    if quiet_from <= quiet_to:
        return quiet_from <= moment < quiet_to
    return moment >= quiet_from or moment < quiet_to
