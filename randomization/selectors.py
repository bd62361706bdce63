"""What others may know. What tells an arm checks who asks and keeps a record, or serves the system alone."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from randomization.arms import arm_of, arms_of
from randomization.conditions import Condition, OfStratum, readiness
from randomization.designs import design_from
from randomization.designs.base import StrataDesign
from randomization.models import (
    Allocation,
    ClusterAllocation,
    DesignReport,
    Deviation,
    ListExtension,
    SealedList,
    SealProposal,
    Stratum,
)
from randomization.names import Facts, Names
from trial.accounts.models import User
from trial.accounts.permissions import Permission
from trial.audit.services import record_read
from trial.people.errors import NotPermitted
from trial.people.models import Participant, Site
from trial.people.selectors import Someone, has_permission
from trial.protocol.models import Trial
from trial.protocol.schema.trial import Arm
from trial.protocol.selectors import active_version, protocol_of, study_of


class PlacesLeft(StrEnum):
    """On the list that is nearest to its end."""

    ENOUGH = "enough"
    FEW = "few"
    NONE = "none"


@dataclass(frozen=True)
class StratumCount:
    """How much of a stratum's list is used. Nothing about arms."""

    key: str
    used: int
    places: int

    @property
    def nearly_used(self) -> bool:
        """Whether it is time to ask for more places."""
        return self.used * 5 >= self.places * 4

    @property
    def used_up(self) -> bool:
        return self.used == self.places


@dataclass(frozen=True)
class AllocationFact:
    """That, when and by whom a participant was randomized. No arm."""

    at: datetime
    by: User


@dataclass(frozen=True)
class DeviationFact:
    """A mistake at randomization that is on record. The description may tell of health, never of an arm."""

    at: datetime
    by: User
    kind: str
    label: str
    description: str


def deviation_kinds() -> list[tuple[str, Any]]:
    """What can go wrong: keys with their names."""
    return list(Deviation.Kind.choices)


def deviations_of(participant: Participant) -> list[DeviationFact]:
    """The participant's deviations, oldest first."""
    rows = Deviation.objects.filter(participant=participant).select_related("by").order_by("pk")
    return [DeviationFact(row.at, row.by, row.kind, row.get_kind_display(), row.description) for row in rows]


def deviations_in(trial: Trial) -> QuerySet[Deviation, tuple[int, str, datetime]]:
    """(participant id, kind, time) of every deviation in the trial, oldest first. No free text, no arm."""
    rows = Deviation.objects.filter(participant__trial=trial).order_by("pk")
    return rows.values_list("participant_id", "kind", "at")


def checklist(participant: Participant) -> list[Condition]:
    """What must hold before this participant is randomized, in the order of the journey. No arm."""
    return readiness(participant).conditions


def checklist_and_answers(participant: Participant, language: str) -> tuple[list[Condition], Facts]:
    """The same, and the answers that decide the place, in the words of the list's protocol. No arm."""
    ready, sealed = readiness(participant), sealed_list(participant.trial)
    if sealed is None or not isinstance(ready.source, OfStratum):
        return ready.conditions, []
    names = Names(study_of(sealed.protocol_version), language)
    return ready.conditions, names.levels(ready.source.levels)


def is_allocated(participant: Participant) -> bool:
    """No arm."""
    return Allocation.objects.filter(participant=participant).exists()


def allocation_fact(participant: Participant) -> AllocationFact | None:
    """No arm."""
    allocation = Allocation.objects.filter(participant=participant).select_related("by").first()
    return AllocationFact(allocation.at, allocation.by) if allocation else None


def allocated() -> QuerySet[Participant]:
    """Everybody who is randomized, in any trial. No arm."""
    return Participant.objects.filter(pk__in=Allocation.objects.values("participant"))


def allocated_participants(trial: Trial) -> QuerySet[Participant]:
    """Everybody in the trial who is randomized. No arm."""
    return allocated().filter(trial=trial)


def allocation_times(trial: Trial) -> QuerySet[Allocation, tuple[int, datetime]]:
    """(participant id, time) of everybody in the trial who is randomized. No arm."""
    return (
        Allocation.objects.filter(participant__trial=trial).order_by("pk").values_list("participant_id", "at")
    )


def may_know_arm(user: Someone, participant: Participant) -> bool:
    """Whether the arm is open to this user: in a blinded trial only to who has VIEW_BLINDED_ARM."""
    return has_permission(user, Permission.VIEW_ARM, site=participant.site)


def arm_for(*, user: User, participant: Participant, reason: str, now: datetime) -> Arm:
    """The participant's arm, for somebody on the staff; kept in the read log.

    Raises NotPermitted for whoever may not know, Allocation.DoesNotExist before randomization.
    """
    if not may_know_arm(user, participant):
        raise NotPermitted(_("You may not know which arm this participant is in."))
    allocation = Allocation.objects.select_related("place__stratum").get(participant=participant)
    arm = arm_of(allocation)
    record_read(what="arm", participant_study_id=participant.study_id, fields=["arm"], reason=reason, now=now)
    return protocol_of(allocation.protocol_version).arm(arm)


def for_case_work(
    *, trial: Trial, arm_key: str, among: QuerySet[Participant] | None = None
) -> QuerySet[Participant]:
    """Those of `among` who are in the arm: for the sweep that opens their cases, never for a page."""
    allocations = Allocation.objects.filter(participant__trial=trial)
    if among is not None:
        allocations = allocations.filter(participant__in=among.values("pk"))
    return Participant.objects.filter(pk__in=[pk for pk, arm in arms_of(allocations) if arm == arm_key])


def arms_for_analysis(*, trial: Trial, reason: str, now: datetime) -> dict[int, str]:
    """Participant id to arm key of the whole trial; kept in the read log. Masked by the caller until lock."""
    record_read(what=f"arms of {trial.slug}", participant_study_id="", fields=["arm"], reason=reason, now=now)
    return dict(arms_of(Allocation.objects.filter(participant__trial=trial)))


def sealed_list(trial: Trial) -> SealedList | None:
    """The trial's list with its commitment; everything in it that tells an arm is sealed."""
    lists = SealedList.objects.filter(trial=trial).select_related("trial", "sealed_by", "proposal__by")
    return lists.first()


def stratum_counts(trial: Trial) -> list[StratumCount]:
    """Places used in each stratum. No arm, and nothing that tells the next one."""
    strata = Stratum.objects.filter(sealed_list__trial=trial).order_by("key")
    return [StratumCount(stratum.key, stratum.used, stratum.places) for stratum in strata]


def places_left(trial: Trial) -> PlacesLeft:
    """Whether some stratum's list comes to its end. Neither which nor how many: for who meets participants.

    They may count. So it is nearly at its end by the places that were asked for: how much longer the list
    is, which its blocks decide, shows in nothing but its end.
    """
    sealed = sealed_list(trial)
    design = design_from(sealed.design) if sealed else None
    if not isinstance(design, StrataDesign):
        return PlacesLeft.ENOUGH  # sites wait for places then, and the statistician sees them
    counts = stratum_counts(trial)
    if any(one.used_up for one in counts):
        return PlacesLeft.NONE
    asked = max(
        [design.places_per_stratum, *(one.asked or max(one.sizes.values()) for one in extensions(trial))]
    )
    as_asked = [replace(one, places=min(one.places, asked)) for one in counts]
    return PlacesLeft.FEW if any(one.nearly_used for one in as_asked) else PlacesLeft.ENOUGH


def extensions(trial: Trial) -> list[ListExtension]:
    """How the list was made longer, in order; everything in it that tells an arm is sealed."""
    found = ListExtension.objects.filter(sealed_list__trial=trial).select_related("by", "proposal__by")
    return list(found.order_by("number"))


def waiting_proposal(trial: Trial) -> SealProposal | None:
    """The list, or the file that makes it longer, which one statistician proposed and nobody has approved."""
    proposals = SealProposal.objects.filter(protocol_version__trial=trial).select_related("by")
    latest = proposals.select_related("protocol_version__trial").order_by("pk").last()
    if latest is None or latest.protocol_version != active_version(trial):
        return None
    sealed = SealedList.objects.filter(trial=trial).first()
    if sealed and (latest.at <= sealed.sealed_at or sealed.seed is not None):
        return None
    used = ListExtension.objects.filter(proposal=latest).exists()
    return None if used else latest


def randomization_number(participant: Participant) -> str:
    """By which an imported list calls the participant's place, for whoever prepares what it stands for; ""
    without one. No arm."""
    codes = Allocation.objects.filter(participant=participant).values_list("place__code", flat=True)
    return codes.first() or ""


def waiting_sites(trial: Trial) -> list[list[Site]]:
    """The protocol's sites that joined after the sealing, two by two where there are pairs. No arm."""
    sealed = SealedList.objects.filter(trial=trial).only("design").first()
    if sealed is None or not design_from(sealed.design).is_cluster:
        return []
    allocated = set(ClusterAllocation.objects.filter(site__trial=trial).values_list("site__key", flat=True))
    sites = {site.key: site for site in Site.objects.filter(trial=trial)}
    waiting: dict[str, list[Site]] = {}
    for described in protocol_of(active_version(trial)).sites:
        if described.key not in allocated and described.key in sites:
            waiting.setdefault(described.pair or described.key, []).append(sites[described.key])
    return list(waiting.values())


def design_reports(trial: Trial) -> QuerySet[DesignReport]:
    """What the statisticians have asked about designs, newest first."""
    return DesignReport.objects.filter(trial=trial).select_related("asked_by").order_by("-asked_at")
