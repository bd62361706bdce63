"""What is asked of protocols. Parsed protocols are kept in memory, by the hash of their files."""

from django.db.models import QuerySet

from trial.protocol.models import Activation, ProtocolVersion, Trial, TrialStatus
from trial.protocol.reading import Sources, Study, study_from
from trial.protocol.schema import Protocol

_studies: dict[str, Study] = {}
"""By SHA-256 of the files: the content of a version never changes, so neither does this."""


def active_version(trial: Trial) -> ProtocolVersion:
    """The version in force; raises ProtocolVersion.DoesNotExist where none was activated."""
    activation = Activation.objects.filter(trial=trial).order_by("-id").values("version_id")[:1]
    return ProtocolVersion.objects.select_related("trial").get(id__in=activation)


def active_protocol(trial: Trial) -> Protocol:
    return protocol_of(active_version(trial))


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
    latest = TrialStatus.objects.filter(trial=trial).order_by("-id").first()
    return TrialStatus.Name(latest.name) if latest else TrialStatus.Name.DRAFT


def locked_trials() -> QuerySet[Trial]:
    """Trials whose data are final. No step leads out of this status."""
    return Trial.objects.filter(statuses__name=TrialStatus.Name.LOCKED)


def is_locked(trial: Trial) -> bool:
    """Whether the trial's data are final."""
    return locked_trials().filter(pk=trial.pk).exists()


def open_trials() -> list[Trial]:
    """Trials that recruit now and have a protocol in force."""
    return [
        trial
        for trial in Trial.objects.filter(activations__isnull=False).distinct()
        if status_of(trial) == TrialStatus.Name.RECRUITING
    ]
