"""What must hold before a participant is randomized: shown to the coordinator, checked again under lock."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, Self
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from randomization.design import levels_of, stratum_of
from randomization.designs import Design, design_from
from randomization.designs.base import StrataDesign
from randomization.models import ClusterAllocation, SealedList, Stratum
from screening.standing import STANDING, STANDING_COLUMNS, Standing, standing_values
from trial.core.db import rows
from trial.people.models import Participant
from trial.protocol.models import ProtocolVersion, TrialStatus
from trial.protocol.schema import Protocol
from trial.protocol.selectors import protocol_of

FACTS = f"""
SELECT standing.*, in_force.id, in_force.trial_id, in_force.version, in_force.sha256,
       (SELECT name FROM protocol_trialstatus
         WHERE trial_id = participant.trial_id ORDER BY id DESC LIMIT 1),
       site.opened_at IS NOT NULL AND site.closed_at IS NULL,
       own.id, list.id, cluster.id,
       (SELECT count(*)
          FROM randomization_allocation AS allocation
          JOIN protocol_protocolversion AS version ON version.id = allocation.protocol_version_id
         WHERE version.trial_id = participant.trial_id),
       current_setting('max_connections')::int,
       ARRAY(SELECT key FROM randomization_stratum WHERE sealed_list_id = list.id AND used >= places)
  FROM people_participant AS participant
  JOIN people_site AS site ON site.id = participant.site_id
  JOIN LATERAL (SELECT version_id FROM protocol_activation
                 WHERE trial_id = participant.trial_id
                 ORDER BY id DESC LIMIT 1) AS activation ON true
  JOIN protocol_protocolversion AS in_force ON in_force.id = activation.version_id
  LEFT JOIN randomization_allocation AS own ON own.participant_id = participant.id
  LEFT JOIN randomization_sealedlist AS list ON list.trial_id = participant.trial_id
  LEFT JOIN randomization_clusterallocation AS cluster ON cluster.site_id = participant.site_id
 CROSS JOIN ({STANDING}) AS standing
 WHERE participant.id = %(participant)s
"""


class Situation(NamedTuple):
    """What of the trial decides whether a participant may be randomized; of randomization by ids."""

    version: ProtocolVersion
    """The one in force."""
    is_recruiting: bool
    site_is_open: bool
    own: int | None
    """The participant's own allocation."""
    sealed_list: UUID | None
    cluster: int | None
    """The allocation of the participant's site, where sites are randomized."""
    randomized: int
    """Participants of the trial who are, as far as it is committed."""
    most_at_once: int
    """So many more may be underway: as many as there can be connections."""
    exhausted: list[str]
    """Keys of the strata that have no place left."""

    @classmethod
    def read(cls, *columns: Any) -> Self:
        """From the columns of the statement."""
        version = ProtocolVersion.from_db(None, ("id", "trial_id", "version", "sha256"), columns[:4])
        status, *others = columns[4:]
        return cls(version, status == TrialStatus.Name.RECRUITING, *others)


class Words(NamedTuple):
    """What the coordinator reads of a condition."""

    label: Promise
    how: Promise
    """What to do when it does not hold."""


WORDS = {
    "consent": Words(_("Has consented"), _("The participant gives consent on the trial's pages.")),
    "present": Words(_("Has not withdrawn"), _("Whoever has left the trial cannot be randomized.")),
    "baseline": Words(
        _("Has completed the baseline questionnaire"), _("Remind the participant, or help by telephone.")
    ),
    "fits": Words(
        _("The answers meet the criteria that apply now"),
        _("The protocol was changed after the participant answered; the participant no longer fits it."),
    ),
    "verified": Words(_("Is verified as eligible"), _("Go through the criteria and verify them.")),
    "recruiting": Words(_("The trial is recruiting"), _("The trial manager opens and closes the trial.")),
    "target": Words(
        _("The trial still needs participants"),
        _("As many as planned are randomized. The trial manager can close the trial."),
    ),
    "site": Words(_("The site is open"), _("The trial manager opens and closes sites.")),
    "sealed": Words(
        _("A sealed list waits for this site and these answers"),
        _("Ask the trial statistician: no list is sealed for this site and these answers."),
    ),
    "place": Words(_("The list has a place left"), _("Ask the trial statistician for more places.")),
    "first": Words(_("Has not been randomized before"), _("A participant is randomized once.")),
}
"""In the order of the journey."""


@dataclass(frozen=True)
class Condition:
    """One line of the coordinator's checklist."""

    key: str
    met: bool

    @property
    def label(self) -> str:
        return str(WORDS[self.key].label)

    @property
    def how(self) -> str:
        """What to do when it does not hold."""
        return str(WORDS[self.key].how)


@dataclass(frozen=True)
class OfStratum:
    """The participant gets the next place of this stratum."""

    stratum: Stratum
    """Without its counters, which change."""
    design: Design
    levels: Mapping[str, str]
    """Factor to the participant's level, as the stratum was found."""
    is_exhausted: bool


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
    allocation: int | None
    """Id of the allocation that the participant has already."""
    is_near_target: bool
    """Those that are underway could pass the target together."""

    @property
    def missing(self) -> list[Condition]:
        return [condition for condition in self.conditions if not condition.met]


def readiness(participant: Participant) -> Readiness:
    """Looks up every condition anew, in one statement; nothing is remembered from an earlier look."""
    [(standing, trial)] = rows(_facts, FACTS, standing_values(participant))
    source, target = _source(trial, standing), protocol_of(trial.version).target
    holds = {
        "consent": standing.has_consented,
        "present": not standing.has_left,
        "baseline": standing.has_finished_baseline,
        "fits": standing.fits(trial.version),
        "verified": standing.is_verified(trial.version),
        "recruiting": trial.is_recruiting,
        "target": trial.randomized < target,
        "site": trial.site_is_open,
        "sealed": source is not None,
        "place": source is None or not source.is_exhausted,
        "first": trial.own is None,
    }
    conditions = [Condition(key, holds[key]) for key in WORDS]
    near = trial.randomized + trial.most_at_once >= target
    return Readiness(conditions, trial.version, source, trial.own, is_near_target=near)


def _facts(*columns: Any) -> tuple[Standing, Situation]:
    return Standing.read(*columns[:STANDING_COLUMNS]), Situation.read(*columns[STANDING_COLUMNS:])


def _source(trial: Situation, standing: Standing) -> Source | None:
    """None while no list is sealed, or none for this site and these answers."""
    if trial.sealed_list is None:
        return None
    sealed = _sealed(trial.sealed_list)
    if sealed.design.is_cluster:
        return _of_site(trial.cluster)
    levels = levels_of(standing, sealed.protocol)
    if levels is None:
        return None
    key = stratum_of(levels, sealed.protocol)
    if key not in sealed.strata or not _knows(sealed.design, levels):
        return None
    return OfStratum(sealed.strata[key], sealed.design, levels, is_exhausted=key in trial.exhausted)


def _knows(design: Design, levels: Mapping[str, str]) -> bool:
    """Whether the sealed design has these levels: a site that joined later is none of them."""
    factors = design.factors if isinstance(design, StrataDesign) else ()
    return all(levels[factor.key] in factor.levels for factor in factors)


def _of_site(cluster: int | None) -> OfSite | None:
    return OfSite(ClusterAllocation.objects.select_related("place").get(pk=cluster)) if cluster else None


class _Sealed(NamedTuple):
    design: Design
    protocol: Protocol
    """The one after which the list was made."""
    strata: Mapping[str, Stratum]
    """By their keys."""


@cache
def _sealed(sealed_list: UUID) -> _Sealed:
    """What never changes in a list once it is sealed, by its id."""
    sealed = SealedList.objects.select_related("protocol_version").get(pk=sealed_list)
    strata = {one.key: one for one in Stratum.objects.filter(sealed_list=sealed).only("sealed_list", "key")}
    return _Sealed(design_from(sealed.design), protocol_of(sealed.protocol_version), strata)
