"""What must hold before a participant is randomized: shown to the coordinator, checked again under lock."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from randomization.design import levels_of, stratum_of
from randomization.designs import design_from
from randomization.models import Allocation, ClusterAllocation, SealedList, Stratum
from screening.selectors import consent_of
from trial.people import selectors as people
from trial.people.models import Participant, Status
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
class Readiness:
    """All conditions, and where the participant's place is to be taken from."""

    conditions: list[Condition]
    version: ProtocolVersion
    stratum: Stratum | None
    cluster: ClusterAllocation | None

    @property
    def missing(self) -> list[str]:
        return [condition.label for condition in self.conditions if not condition.met]


GONE = {
    Status.WITHDRAWN_INTERVENTION,
    Status.WITHDRAWN_CONTACT,
    Status.WITHDRAWN_DATA,
    Status.DIED,
    Status.COMPLETED,
}


def readiness(participant: Participant, *, now: datetime) -> Readiness:
    """Looks up every condition anew; nothing is remembered from an earlier look."""
    trial, site = participant.trial, participant.site
    version = protocols.active_version(trial)
    facts = people.facts(participant, now)
    stratum, cluster = _where(participant, version)
    conditions = [
        Condition(
            "consent",
            _("Has consented"),
            consent_of(participant) is not None,
            _("The participant gives consent on the trial's pages."),
        ),
        Condition(
            "present",
            _("Has not withdrawn"),
            not any(status in facts for status in GONE),
            _("Whoever has left the trial cannot be randomized."),
        ),
        Condition(
            "baseline",
            _("Has completed the baseline questionnaire"),
            Status.BASELINE_COMPLETED in facts,
            _("Remind the participant, or help by telephone."),
        ),
        Condition(
            "verified",
            _("Is verified as eligible"),
            Status.VERIFIED in facts,
            _("Go through the criteria and verify them."),
        ),
        Condition(
            "recruiting",
            _("The trial is recruiting"),
            protocols.status_of(trial) == TrialStatus.Name.RECRUITING,
            _("The trial manager opens and closes the trial."),
        ),
        Condition(
            "site", _("The site is open"), site.is_open, _("The trial manager opens and closes sites.")
        ),
        Condition(
            "sealed",
            _("A sealed list waits for this group"),
            stratum is not None or cluster is not None,
            _("Ask the trial statistician: no list is sealed for this site and these answers."),
        ),
        Condition(
            "first",
            _("Has not been randomized before"),
            not Allocation.objects.filter(participant=participant).exists(),
            _("A participant is randomized once."),
        ),
    ]
    return Readiness(conditions, version, stratum, cluster)


def _where(
    participant: Participant, version: ProtocolVersion
) -> tuple[Stratum | None, ClusterAllocation | None]:
    """The stratum whose next place is the participant's, or the site's allocation that they inherit."""
    lists = SealedList.objects.filter(trial=participant.trial_id)
    sealed = lists.only("design", "protocol_version__sha256", "protocol_version__trial").first()
    if sealed is None:
        return None, None
    if design_from(sealed.design).is_cluster:
        return None, ClusterAllocation.objects.filter(site=participant.site_id).first()
    protocol = protocols.protocol_of(sealed.protocol_version)
    levels = levels_of(participant, protocol)
    if levels is None:
        return None, None
    return Stratum.objects.filter(sealed_list=sealed, key=stratum_of(levels, protocol)).first(), None
