"""What is asked of snapshots."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from analysis.models import Snapshot
from analysis.statistics.snapshot_file import DamagedSnapshot, manifest_at
from trial.protocol.models import Trial, TrialStatus
from trial.protocol.selectors import active_protocol, status_of


def newest_snapshot(trial: Trial) -> Snapshot | None:
    return Snapshot.objects.filter(trial=trial).first()


def is_snapshot_due(trial: Trial, now: datetime) -> bool:
    """Whether the trial's hour of export has passed since its newest snapshot.

    A draft has nothing to export. Once the data are locked, one snapshot with open arms is the last.
    """
    status, newest = status_of(trial), newest_snapshot(trial)
    if status == TrialStatus.Name.DRAFT:
        return False
    if status == TrialStatus.Name.LOCKED and newest is not None and not newest.masked:
        return False
    return newest is None or newest.made_at < latest_hour_of_export(trial, now)


def latest_hour_of_export(trial: Trial, now: datetime) -> datetime:
    """The last moment up to `now` at which the trial's clock showed the protocol's hour of export."""
    protocol = active_protocol(trial)
    local = now.astimezone(ZoneInfo(protocol.time_zone))
    today = local.replace(
        hour=protocol.export.at.hour, minute=protocol.export.at.minute, second=0, microsecond=0
    )
    return today if today <= local else today - timedelta(days=1)


def recorded_heads() -> dict[str, str | None]:
    """The head of the audit trail in each snapshot's manifest, by the name of its file.

    None where the file is gone or damaged, or was made before anything was sealed.
    """
    return {snapshot.file_name: _recorded_head(snapshot) for snapshot in Snapshot.objects.all()}


def _recorded_head(snapshot: Snapshot) -> str | None:
    try:
        head: str | None = manifest_at(snapshot.path)["audit_head"]
    except DamagedSnapshot:
        return None
    return head
