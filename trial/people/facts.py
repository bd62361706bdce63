"""What holds for a participant at a moment, read off the status rows."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol
from zoneinfo import ZoneInfo

from trial.people.models import Status


class Barrier(StrEnum):
    """Why we may not contact a participant."""

    DIED = "died"
    WITHDRAWN = "withdrawn"
    STOPPED = "stopped"
    PAUSED = "paused"


@dataclass(frozen=True)
class Facts:
    """What the status rows of one participant say at one moment."""

    since: dict[Status, datetime] = field(default_factory=dict)
    """When each status that holds began."""
    paused_until: datetime | None = None

    def __contains__(self, status: Status) -> bool:
        return status in self.since

    @property
    def barrier(self) -> Barrier | None:
        """The weightiest reason for not contacting, or None where we may."""
        if Status.DIED in self:
            return Barrier.DIED
        if Status.WITHDRAWN_CONTACT in self or Status.WITHDRAWN_DATA in self:
            return Barrier.WITHDRAWN
        if Status.STOPPED_CONTACT in self:
            return Barrier.STOPPED
        return Barrier.PAUSED if Status.PAUSED in self else None

    @property
    def paused(self) -> bool:
        """Whether a break lasts."""
        return Status.PAUSED in self

    @property
    def may_contact(self) -> bool:
        """Whether messages and calls may go to the participant."""
        return self.barrier is None

    @property
    def data_withdrawn(self) -> bool:
        """Whether exports and analyses must leave the participant's rows out."""
        return Status.WITHDRAWN_DATA in self


def last_day(until: datetime, zone: ZoneInfo) -> date:
    """The last local day of a break that ends at `until`, which is midnight after that day."""
    return (until - timedelta(microseconds=1)).astimezone(zone).date()


UNDOES = {
    Status.PAUSED: {Status.RESUMED},
    Status.RESUMED: {Status.PAUSED},
    Status.STOPPED_CONTACT: {Status.RESUMED_CONTACT},
    Status.RESUMED_CONTACT: {Status.STOPPED_CONTACT},
    Status.VERIFIED: {Status.NOT_ELIGIBLE},
    Status.NOT_ELIGIBLE: {Status.VERIFIED},
}
"""Which earlier status no longer holds once this one is added."""

ABOUT_CONTACT = (
    *(Status.DIED, Status.WITHDRAWN_CONTACT, Status.WITHDRAWN_DATA),
    *(Status.STOPPED_CONTACT, Status.RESUMED_CONTACT, Status.PAUSED, Status.RESUMED),
)
"""The statuses that `Facts.barrier` depends on."""


class StatusRow(Protocol):
    """What of a status row decides the facts."""

    @property
    def name(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def until(self) -> datetime | None: ...


def read_facts(rows: Iterable[StatusRow], now: datetime) -> Facts:
    """The facts at `now` from one participant's rows, oldest first; rows of the future do not count."""
    since: dict[Status, datetime] = {}
    paused_until: datetime | None = None
    for row in rows:
        if row.at > now:
            continue
        status = Status(row.name)
        for undone in UNDOES.get(status, ()):
            since.pop(undone, None)
        since.setdefault(status, row.at)
        if status is Status.PAUSED:
            paused_until = row.until
    if Status.PAUSED in since and paused_until is not None and paused_until <= now:
        del since[Status.PAUSED]
    return Facts(since, paused_until if Status.PAUSED in since else None)
