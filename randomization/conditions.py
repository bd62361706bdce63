"""What must hold before a participant is randomized: shown to the coordinator, checked again under lock."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from randomization.design import levels_of, stratum_of
from randomization.designs import Design, design_from
from randomization.models import Allocation, ClusterAllocation, SealedList, Stratum
from screening.standing import Standing, standing_of
from trial.people.models import Participant
from trial.protocol import selectors as protocols
from trial.protocol.models import ProtocolVersion, TrialStatus


@dataclass(frozen=True)
class Condition:
    """One line of the coordinator's checklist."""

    key: str
    label: str
    met: bool
    how: str
    """What to do when it does not hold."""


@dataclass(frozen=True)
class OfStratum:
    """The participant gets the next place of this stratum."""

    stratum: Stratum
    design: Design
    levels: Mapping[str, str]
    """Factor to the participant's level, as the stratum was found."""

    @property
    def is_exhausted(self) -> bool:
        return self.stratum.used >= self.stratum.places


@dataclass(frozen=True)
class OfSite:
    """The participant inherits the place of their site."""

    cluster: ClusterAllocation
    is_exhausted = False


Source = OfStratum | OfSite


@dataclass(frozen=True)
class Readiness:
    """All conditions, the protocol version by which they were checked, and where the place comes from."""

    conditions: list[Condition]
    version: ProtocolVersion
    source: Source | None

    @property
    def missing(self) -> list[Condition]:
        return [condition for condition in self.conditions if not condition.met]


def readiness(participant: Participant, *, now: datetime) -> Readiness:
    """Looks up every condition anew; nothing is remembered from an earlier look."""
    version = protocols.active_version(participant.trial)
    standing = standing_of(participant, now)
    source = _source(participant, standing)
    conditions = [*_of_participant(standing, version), *_of_trial(participant, standing, version, source)]
    return Readiness(conditions, version, source)


def _of_participant(standing: Standing, version: ProtocolVersion) -> list[Condition]:
    return [
        Condition(
            "consent",
            _("Has consented"),
            standing.has_consented,
            _("The participant gives consent on the trial's pages."),
        ),
        Condition(
            "present",
            _("Has not withdrawn"),
            not standing.has_left,
            _("Whoever has left the trial cannot be randomized."),
        ),
        Condition(
            "baseline",
            _("Has completed the baseline questionnaire"),
            standing.has_finished_baseline,
            _("Remind the participant, or help by telephone."),
        ),
        Condition(
            "fits",
            _("The answers meet the criteria that apply now"),
            standing.fits(version),
            _("The protocol was changed after the participant answered, who no longer fits it."),
        ),
        Condition(
            "verified",
            _("Is verified as eligible"),
            standing.is_verified(version),
            _("Go through the criteria and verify them."),
        ),
    ]


def _of_trial(
    participant: Participant, standing: Standing, version: ProtocolVersion, source: Source | None
) -> list[Condition]:
    trial = participant.trial
    given = Allocation.objects.filter(protocol_version__trial=trial)
    return [
        Condition(
            "recruiting",
            _("The trial is recruiting"),
            protocols.status_of(trial) == TrialStatus.Name.RECRUITING,
            _("The trial manager opens and closes the trial."),
        ),
        Condition(
            "target",
            _("The trial still needs participants"),
            given.count() < protocols.protocol_of(version).target,
            _("As many as planned are randomized. The trial manager can close the trial."),
        ),
        Condition(
            "site",
            _("The site is open"),
            standing.site_is_open,
            _("The trial manager opens and closes sites."),
        ),
        Condition(
            "sealed",
            _("A sealed list waits for this group"),
            source is not None,
            _("Ask the trial statistician: no list is sealed for this site and these answers."),
        ),
        Condition(
            "place",
            _("The list has a place left"),
            source is None or not source.is_exhausted,
            _("Ask the trial statistician for more places."),
        ),
        Condition(
            "first",
            _("Has not been randomized before"),
            not given.filter(participant=participant).exists(),
            _("A participant is randomized once."),
        ),
    ]


def _source(participant: Participant, standing: Standing) -> Source | None:
    """None while no list is sealed, or none for this site and these answers."""
    lists = SealedList.objects.filter(trial=participant.trial_id)
    sealed = lists.only("design", "protocol_version__sha256", "protocol_version__trial").first()
    if sealed is None:
        return None
    design = design_from(sealed.design)
    if design.is_cluster:
        cluster = ClusterAllocation.objects.filter(site=participant.site_id).select_related("place").first()
        return OfSite(cluster) if cluster else None
    protocol = protocols.protocol_of(sealed.protocol_version)
    levels = levels_of(standing, protocol)
    if levels is None:
        return None
    stratum = Stratum.objects.filter(sealed_list=sealed, key=stratum_of(levels, protocol)).first()
    return OfStratum(stratum, design, levels) if stratum else None
