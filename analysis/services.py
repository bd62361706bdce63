"""Making snapshots, analysing them, and handing them out."""

from datetime import datetime
from pathlib import Path
from typing import IO

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from analysis import folder
from analysis.errors import SnapshotGone, SnapshotUnderway
from analysis.export.archive import write_archive
from analysis.export.dataset import manifest_of, scope_of, tables_of
from analysis.models import Download, FirstAnalysis, Snapshot
from analysis.selectors import is_snapshot_due
from trial.accounts.models import User
from trial.audit.context import current
from trial.audit.services import record_read
from trial.core.db import lock, one_moment
from trial.protocol.models import Trial
from trial.protocol.selectors import active_version


def make_snapshot(*, trial: Trial, by: str, now: datetime, directory: Path | None = None) -> Snapshot:
    """Write everything that researchers may have of the trial into one zip in `EXPORT_DIR`, and record it.

    All files show the same moment. Arms are masked until the trial is locked. `by` is who, in the words
    of the audit trail; `directory` gets a copy that only its owner can read. Raises FolderRefused
    before anything is made, SnapshotUnderway, ProtocolVersion.DoesNotExist before activation.
    """
    if directory is not None:
        folder.prepare(directory)
    with one_moment(), lock(f"analysis.snapshot.{trial.pk}") as mine:
        if not mine:
            raise SnapshotUnderway(_("A snapshot of this trial is being made. Wait until it is finished."))
        scope = scope_of(trial, now=now)
        manifest = manifest_of(scope)
        _remove_unfinished(trial)
        number = Snapshot.objects.filter(trial=trial).count() + 1
        name = f"{trial.slug}-{number:04d}-{now:%Y%m%dT%H%M%SZ}.zip"
        written = write_archive(Path(settings.EXPORT_DIR) / name, tables_of(scope), manifest)
        snapshot = Snapshot.objects.create(
            trial=trial,
            protocol_version=active_version(trial),
            made_at=now,
            by=by,
            file_name=name,
            size=written.size,
            sha256=written.sha256,
            row_counts=written.rows,
            left_out=manifest["participants_left_out"],
            masked=scope.mask.masked,
            code_version=settings.CODE_VERSION,
        )
    if directory is not None:
        _copy(snapshot, directory, now=now)
    return snapshot


def _copy(snapshot: Snapshot, directory: Path, *, now: datetime) -> None:
    """Put a copy into a folder, where nobody sees any more who reads it: so that it was made is on record."""
    _record_reading(snapshot, reason=current().reason or "copy", now=now)
    folder.copy_into(directory, snapshot.path)


def _record_reading(snapshot: Snapshot, *, reason: str, now: datetime) -> None:
    what = f"snapshot {snapshot.file_name}"
    record_read(what=what, participant_study_id="", fields=["all"], reason=reason, now=now)


def _remove_unfinished(trial: Trial) -> None:
    """Delete what a killed export left behind. Only for whoever holds the trial's lock."""
    for part in Path(settings.EXPORT_DIR).glob(f"{trial.slug}-[0-9][0-9][0-9][0-9]-*.part"):
        part.unlink()


@transaction.atomic
def analyse_snapshot(*, snapshot: Snapshot) -> FirstAnalysis:
    """Run the first analysis on the snapshot's file and keep its numbers for the data room.

    Raises SnapshotGone, DamagedSnapshot.
    """
    from analysis.statistics.report import analyse  # statsmodels takes seconds to import

    known = FirstAnalysis.objects.filter(snapshot=snapshot).first()
    return known or FirstAnalysis.objects.create(snapshot=snapshot, results=analyse(snapshot.path).as_json())


def make_due_snapshots(*, by: str, now: datetime) -> list[Snapshot]:
    """For each trial whose hour of export has passed since its latest snapshot, make and analyse one.

    A trial that fails does not keep the others from theirs; afterwards its error is raised in an
    ExceptionGroup.
    """
    made, failed = [], []
    for trial in Trial.objects.filter(activations__isnull=False).distinct():
        try:
            if is_snapshot_due(trial, now):
                snapshot = make_snapshot(trial=trial, by=by, now=now)
                made.append(snapshot)
                analyse_snapshot(snapshot=snapshot)
        except SnapshotUnderway:
            continue
        except Exception as error:
            error.add_note(f"while exporting {trial}")
            failed.append(error)
    if failed:
        raise ExceptionGroup("Snapshots could not be made", failed)
    return made


@transaction.atomic
def fetch(*, snapshot: Snapshot, by: User, now: datetime) -> IO[bytes]:
    """The snapshot's file, opened for reading, with a record of who fetched it. Raises SnapshotGone."""
    Download.objects.create(snapshot=snapshot, by=by, at=now)
    _record_reading(snapshot, reason="download", now=now)
    try:
        return snapshot.path.open("rb")
    except FileNotFoundError:
        raise SnapshotGone(
            _("The file %(name)s is not on the server any more. Ask whoever runs it to restore the exports.")
            % {"name": snapshot.file_name}
        ) from None
