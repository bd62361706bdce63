"""The acts on protocols: load a version, put it in force, open and close the trial."""

from datetime import datetime

from django.db import connection, transaction
from django.utils.translation import gettext as _

from trial.protocol.checks import check
from trial.protocol.errors import (
    AlreadyActive,
    ArmsChanged,
    DataLocked,
    ReasonMissing,
    StatusRefused,
    VersionExists,
)
from trial.protocol.models import Activation, ProtocolVersion, Trial, TrialStatus
from trial.protocol.reading import Sources
from trial.protocol.selectors import active_protocol, protocol_of, status_of

STEPS = {
    TrialStatus.Name.DRAFT: {TrialStatus.Name.RECRUITING},
    TrialStatus.Name.RECRUITING: {TrialStatus.Name.CLOSED},
    TrialStatus.Name.CLOSED: {TrialStatus.Name.RECRUITING, TrialStatus.Name.LOCKED},
    TrialStatus.Name.LOCKED: set(),
}
"""From each status of a trial, those that may follow. Locked data stay locked."""


def steps_from(present: TrialStatus.Name) -> list[TrialStatus.Name]:
    """What a trial may become from its present status, in the order of its life."""
    return [name for name in TrialStatus.Name if name in STEPS[present]]


@transaction.atomic
def load_protocol(*, sources: Sources, reason: str = "", now: datetime) -> ProtocolVersion:
    """Check the files and store them whole as a new version; the same files again give that version again.

    Raises ProtocolProblems when the files have mistakes, VersionExists when this version number has other
    content, and ReasonMissing when the trial has an earlier version and no reason is given.
    """
    protocol = check(sources).protocol
    trial, _created = Trial.objects.get_or_create(slug=protocol.slug)
    Trial.objects.select_for_update().get(pk=trial.pk)
    if same := ProtocolVersion.objects.filter(trial=trial, version=protocol.version).first():
        if same.sha256 != sources.sha256:
            raise VersionExists(
                _("%(trial)s has another version %(version)s. Give the changed file a new version.")
                % {"version": protocol.version, "trial": trial.slug}
            )
        return same
    if ProtocolVersion.objects.filter(trial=trial).exists() and not reason.strip():
        raise ReasonMissing(_("This amends the protocol of %(trial)s. Say why.") % {"trial": trial.slug})
    return ProtocolVersion.objects.create(
        trial=trial,
        version=protocol.version,
        sha256=sources.sha256,
        source=sources.protocol,
        instruments=dict(sources.instruments),
        reason=reason.strip(),
        loaded_at=now,
    )


@transaction.atomic
def activate(*, version: ProtocolVersion, by: str, now: datetime, reason: str = "") -> Activation:
    """Put a loaded version in force. Raises AlreadyActive when it is or was: to go back, make a new one;
    ArmsChanged when it has other arms than a trial that has recruited."""
    Trial.objects.select_for_update().get(pk=version.trial_id)
    if Activation.objects.filter(version=version).exists():
        raise AlreadyActive(
            _("Version %(version)s was activated before. A change needs a new version.")
            % {"version": version.version}
        )
    _refuse_other_arms(version)
    return Activation.objects.create(
        trial=version.trial, version=version, at=now, by=by, reason=reason or version.reason
    )


@transaction.atomic
def set_trial_status(*, trial: Trial, name: str, by: str, now: datetime, reason: str = "") -> TrialStatus:
    """Open, close or lock the trial. Raises StatusRefused for a step that does not exist."""
    Trial.objects.select_for_update().get(pk=trial.pk)
    present, wanted = status_of(trial), TrialStatus.Name(name)
    if wanted not in STEPS[present]:
        raise StatusRefused(
            _("The trial's status is “%(present)s”; it cannot be changed to “%(wanted)s” from there.")
            % {"present": present.label, "wanted": wanted.label}
        )
    if wanted == TrialStatus.Name.RECRUITING and not Activation.objects.filter(trial=trial).exists():
        raise StatusRefused(_("The trial needs an active protocol before it recruits."))
    return TrialStatus.objects.create(trial=trial, name=wanted, at=now, by=by, reason=reason)


def _refuse_other_arms(version: ProtocolVersion) -> None:
    """The sealed list and everybody who is randomized know the arms by their keys."""
    trial = version.trial
    if status_of(trial) == TrialStatus.Name.DRAFT:
        return
    present, next_ = (
        {arm.key for arm in protocol.arms} for protocol in (active_protocol(trial), protocol_of(version))
    )
    if present != next_:
        raise ArmsChanged(
            _("The arms of a trial that has recruited stay: %(arms)s.") % {"arms": ", ".join(sorted(present))}
        )


def refuse_locked(trial: Trial) -> None:
    """Raise DataLocked where the trial's data are final. Where they are not, they stay open until the
    caller's transaction ends: whoever locks them waits for it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM protocol_trial WHERE id = %s FOR KEY SHARE", [trial.pk])
        # Not one statement with it: a statement does not see what was committed while it waited.
        cursor.execute("SELECT FROM protocol_trialstatus WHERE trial_id = %s AND name = 'locked'", [trial.pk])
        if cursor.rowcount:
            raise DataLocked
