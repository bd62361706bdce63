"""What is asked of protocols. Parsed protocols are kept in memory, by the hash of their files."""

from collections.abc import Collection

from django.db.models import QuerySet

from trial.core.db import rows
from trial.protocol.models import ProtocolVersion, Trial, TrialStatus
from trial.protocol.reading import Sources, Study, study_from
from trial.protocol.schema import Protocol

IN_FORCE = """
SELECT DISTINCT ON (version.trial_id) version.id, version.trial_id, version.version, version.sha256
  FROM protocol_protocolversion AS version
  JOIN protocol_activation AS activation ON activation.version_id = version.id
 WHERE %(trials)s::bigint[] IS NULL OR version.trial_id = ANY(%(trials)s::bigint[])
 ORDER BY version.trial_id, activation.id DESC
"""

EVER_IN_FORCE = """
SELECT version.id, version.trial_id, version.sha256
  FROM protocol_protocolversion AS version
 WHERE EXISTS (SELECT FROM protocol_activation WHERE version_id = version.id)
   AND (%(trials)s::bigint[] IS NULL OR version.trial_id = ANY(%(trials)s::bigint[]))
"""

LATEST_STATUS = """
SELECT name FROM protocol_trialstatus WHERE trial_id = %(trial)s ORDER BY id DESC LIMIT 1
"""

IS_LOCKED = """
EXISTS (SELECT FROM protocol_trialstatus WHERE trial_id = participant.trial_id AND name = 'locked')
"""
"""A condition for statements of our own: the data of a `participant`'s trial are final."""

_studies: dict[str, Study] = {}
"""By SHA-256 of the files: the content of a version never changes, so neither does this."""


def active_version(trial: Trial) -> ProtocolVersion:
    """The version in force; raises ProtocolVersion.DoesNotExist where none was activated."""
    in_force = versions_in_force([trial.pk])
    if not in_force:
        raise ProtocolVersion.DoesNotExist
    in_force[0].trial = trial
    return in_force[0]


def active_protocol(trial: Trial) -> Protocol:
    return protocol_of(active_version(trial))


def versions_in_force(trials: Collection[int] | None = None) -> list[ProtocolVersion]:
    """The version in force of each of these trials (by id), or of every one; a trial that has none is left
    out."""
    wanted = {"trials": None if trials is None else list(trials)}
    return list(ProtocolVersion.objects.raw(IN_FORCE, wanted))


def active_protocols(trials: Collection[int]) -> dict[int, Protocol]:
    """The protocol in force of each of these trials, by trial id, in one query."""
    return {one.trial_id: protocol_of(one) for one in versions_in_force(trials)}


def blinded_trials(trials: Collection[int] | None = None) -> set[int]:
    """Those of these trials (by id), or of all, whose arms are hidden from who meets participants.

    A trial that ever was blinded stays so: an amendment cannot show who is in which arm.
    """
    wanted = {"trials": None if trials is None else list(trials)}
    versions = ProtocolVersion.objects.raw(EVER_IN_FORCE, wanted)
    return {one.trial_id for one in versions if protocol_of(one).randomization.masking == "blinded"}


def protocols_so_far(trial: Trial) -> list[Protocol]:
    """Of all versions that are or were in force, in that order."""
    activations = trial.activations.order_by("pk").select_related("version")
    return [protocol_of(activation.version) for activation in activations]


def is_blinded(trial: Trial) -> bool:
    return trial.pk in blinded_trials([trial.pk])


def active_study(trial: Trial) -> Study:
    return study_of(active_version(trial))


def protocol_of(version: ProtocolVersion) -> Protocol:
    return study_of(version).protocol


def study_of(version: ProtocolVersion) -> Study:
    """A version's protocol and instruments; reads the files' text only the first time."""
    if version.sha256 not in _studies:
        _studies[version.sha256] = study_from(sources_of(version))
    return _studies[version.sha256]


def sources_of(version: ProtocolVersion) -> Sources:
    return Sources(version.source, version.instruments)


def status_of(trial: Trial) -> TrialStatus.Name:
    """What the trial does now."""
    latest = rows(TrialStatus.Name, LATEST_STATUS, {"trial": trial.pk})
    return latest[0] if latest else TrialStatus.Name.DRAFT


def locked_trials() -> QuerySet[Trial]:
    """Trials whose data are final. No step leads out of this status."""
    return Trial.objects.filter(statuses__name=TrialStatus.Name.LOCKED)


def is_locked(trial: Trial) -> bool:
    """Whether the trial's data are final."""
    return TrialStatus.objects.filter(trial=trial, name=TrialStatus.Name.LOCKED).exists()


def open_trials() -> list[Trial]:
    """Trials that recruit now and have a protocol in force."""
    return [
        trial
        for trial in Trial.objects.filter(activations__isnull=False).distinct()
        if status_of(trial) == TrialStatus.Name.RECRUITING
    ]
