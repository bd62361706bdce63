"""One act: rehearse a trial from its protocol file alone."""

import hashlib
import json
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from analysis.services import make_snapshot
from analysis.statistics.report import analyse
from analysis.statistics.snapshot_file import open_snapshot
from trial.accounts.roles import Statistician
from trial.core import chance
from trial.core.errors import DomainError
from trial.people.services import sync_sites
from trial.protocol.models import Trial, TrialStatus
from trial.protocol.reading import Sources
from trial.protocol.selectors import protocol_of
from trial.protocol.services import activate, load_protocol, set_trial_status
from trial.rehearsal.arrival import ACTOR
from trial.rehearsal.run import Rehearsal, Size
from trial.rehearsal.sealing import seal_list
from trial.rehearsal.staff import Staff, hire
from trial.rehearsal.story import Story, tell


class WeeksRefused(DomainError):
    """The protocol does not ask for so many weeks."""


class ParticipantsRefused(DomainError):
    """The protocol does not plan for so many participants, and nobody is randomized beyond its target."""


def set_up(*, sources: Sources, password: str | None, now: datetime) -> tuple[Trial, Staff]:
    """A trial that recruits: protocol in force, sites, staff, sealed lists."""
    version = load_protocol(sources=sources, now=now)
    activate(version=version, by=ACTOR, now=now)
    sync_sites(trial=version.trial, protocol=protocol_of(version), now=now)
    staff = hire(version.trial, password=password, now=now)
    seal_list(trial=version.trial, statistician=staff[Statistician], now=now)
    set_trial_status(trial=version.trial, name=TrialStatus.Name.RECRUITING, by=ACTOR, now=now)
    return version.trial, staff


def rehearse(
    *,
    sources: Sources,
    participants: int,
    weeks: int | None,
    seed: int,
    first_day: date,
    out: Path | None = None,
) -> Story:
    """Run the whole trial in the database that is connected to, and tell what happened.

    `weeks` None means all that the protocol asks for; `out` gets a copy of the snapshot. The same seed gives
    the same data set, bit for bit. Raises WeeksRefused, ParticipantsRefused.
    """
    started = time.perf_counter()
    begins = datetime.combine(first_day, datetime.min.time(), UTC) - timedelta(days=1)
    with chance.seeded(seed):
        trial, staff = set_up(sources=sources, password=None, now=begins)
        protocol = protocol_of(trial.versions.get())
        weeks = _weeks(weeks, most=protocol.weekly.weeks)
        _refuse_beyond(protocol.target, participants)
        size = Size(participants=participants, weeks=weeks, seed=seed, first_day=first_day)
        rehearsal = Rehearsal(trial=trial, staff=staff, size=size)
        rehearsal.run()
        ends = datetime.combine(first_day, datetime.max.time(), ZoneInfo(protocol.time_zone)).astimezone(UTC)
        return _finish(trial, size, out, ends + timedelta(days=size.days), rehearsal.seconds, started)


def _weeks(asked: int | None, *, most: int) -> int:
    if asked is not None and not 1 <= asked <= most:
        raise WeeksRefused(f"The protocol asks for {most} weeks: rehearse 1 to {most} of them.")
    return asked or most


def _refuse_beyond(target: int, participants: int) -> None:
    if participants > target:
        raise ParticipantsRefused(f"The protocol plans for {target} participants: rehearse 1 to {target}.")


def _finish(
    trial: Trial, size: Size, out: Path | None, now: datetime, seconds: dict[str, float], began: float
) -> Story:
    started = time.perf_counter()
    snapshot = make_snapshot(trial=trial, by=ACTOR, now=now, directory=out)
    seconds["export"] = time.perf_counter() - started
    started = time.perf_counter()
    results = analyse(snapshot.path).as_json()
    seconds["analysis"] = time.perf_counter() - started
    seconds["in all"] = time.perf_counter() - began
    return tell(
        trial=trial,
        seed=size.seed,
        weeks=size.weeks,
        data_sha256=data_sha256(snapshot.path),
        analysis=results["lines"],
        seconds=seconds,
        now=now,
    )


def data_sha256(snapshot: Path) -> str:
    """One hash over the data files of a snapshot: over the manifest's list of them, sorted by name."""
    with open_snapshot(snapshot) as opened:
        files = opened.manifest["files"]
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
