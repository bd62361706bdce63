"""What became of every envelope: reserved, printed, used, returned, or still out."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from randomization.conditions import Condition, OfStratum, readiness
from randomization.design import SITE
from randomization.designs import MinimizationDesign, design_from
from randomization.errors import EnvelopesRefused, NotSealed
from randomization.models import (
    Allocation,
    Deviation,
    Envelope,
    EnvelopePrint,
    EnvelopeReturn,
    EnvelopeUse,
    Place,
    SealedList,
    Stratum,
)
from randomization.names import Names
from trial.people.models import Participant, Site
from trial.protocol.models import Trial, TrialStatus
from trial.protocol.selectors import blinded_trials, protocol_of, status_of, study_of

MAY_HAVE_CHANGED = frozenset({"present", "recruiting", "target", "site", "sealed", "place"})
"""Conditions that may have held when an envelope was opened, though they do not hold when it is recorded."""


@dataclass(frozen=True)
class Tracked:
    """One envelope and where it is. Nothing of what it holds."""

    envelope: Envelope
    stratum: str
    printed: EnvelopePrint | None
    used: Allocation | None
    opened_at: datetime | None
    returned: EnvelopeReturn | None

    @property
    def is_out(self) -> bool:
        """Printed or about to be, and nobody has said yet what became of it."""
        return self.used is None and self.returned is None

    @property
    def may_be_used(self) -> bool:
        return self.is_out and self.printed is not None

    @property
    def state(self) -> str | Promise:
        if self.used:
            return _("Used")
        if self.returned:
            return self.returned.get_kind_display()
        return _("Out") if self.printed else _("Not printed yet")

    @property
    def tone(self) -> str:
        if self.used:
            return "good"
        return "quiet" if self.returned else "waiting"


@dataclass(frozen=True)
class Account:
    """The envelopes of one site, every one of them."""

    site: Site
    tracked: list[Tracked]

    @property
    def used(self) -> int:
        return sum(one.used is not None for one in self.tracked)

    @property
    def returned(self) -> int:
        return sum(one.returned is not None for one in self.tracked)

    @property
    def out(self) -> int:
        return sum(one.is_out for one in self.tracked)

    @property
    def to_print(self) -> list[Tracked]:
        return [one for one in self.tracked if one.is_out and not one.printed]


def accounts(sites: Collection[Site], language: str) -> list[Account]:
    """Each site's envelopes by number, in the order of the sites."""
    envelopes = list(
        Envelope.objects.filter(site__in=sites)
        .select_related("place__stratum__sealed_list__protocol_version", "site", "by")
        .order_by("number")
    )
    printed = {row.envelope_id: row for row in EnvelopePrint.objects.filter(envelope__in=envelopes)}
    returned = {
        row.envelope_id: row
        for row in EnvelopeReturn.objects.filter(envelope__in=envelopes).select_related("by")
    }
    allocations = Allocation.objects.filter(envelope__in=envelopes).select_related("participant", "by")
    used = {row.envelope_id: row for row in allocations}
    opened = dict(
        EnvelopeUse.objects.filter(allocation__in=used.values()).values_list("allocation_id", "opened_at")
    )
    tracked: dict[int, list[Tracked]] = {site.pk: [] for site in sites}
    for envelope in envelopes:
        allocation = used.get(envelope.pk)
        tracked[envelope.site_id].append(
            Tracked(
                envelope=envelope,
                stratum=stratum_in_words(envelope.place.stratum, language),
                printed=printed.get(envelope.pk),
                used=allocation,
                opened_at=opened.get(allocation.pk) if allocation else None,
                returned=returned.get(envelope.pk),
            )
        )
    return [Account(site, tracked[site.pk]) for site in sites]


def envelopes_out(trial: Trial) -> int:
    """How many envelopes nobody has accounted for."""
    return _out().filter(site__trial=trial).count()


def _out() -> QuerySet[Envelope]:
    """Those of which nobody has said what became of them."""
    used, returned = Allocation.objects.exclude(envelope=None), EnvelopeReturn.objects.all()
    accounted = used.values("envelope").union(returned.values("envelope"))
    return Envelope.objects.exclude(pk__in=accounted)


def link_to(envelope: Envelope) -> str:
    """Where a coordinator finds the envelope: one row, whose address tells nothing about lists."""
    return f"{settings.PUBLIC_BASE_URL}{reverse('admin:people_participant_envelopes')}#envelope-{envelope.pk}"


def has_envelopes(site: Site) -> bool:
    return Envelope.objects.filter(site=site).exists()


def stratum_in_words(stratum: Stratum, language: str) -> str:
    return Names(study_of(stratum.sealed_list.protocol_version), language).stratum(stratum.key)


def strata_of(site: Site) -> list[Stratum]:
    """The lists of those strata that a participant of the site can be in."""
    sealed = _sealed(site.trial)
    factors = protocol_of(sealed.protocol_version).randomization.strata
    level = next((f"{factor.key}={site.key}" for factor in factors if factor.source == SITE), None)
    strata = Stratum.objects.filter(sealed_list=sealed).order_by("key")
    return [one for one in strata.select_related("sealed_list") if level in (None, *one.key.split(";"))]


def refuse_envelopes(site: Site) -> None:
    """Raises NotSealed, or EnvelopesRefused with the reason why this site can have none now."""
    design = design_from(_sealed(site.trial).design)
    if design.is_cluster:
        raise EnvelopesRefused(_("The whole site has one group, which is known: no envelope is needed."))
    if isinstance(design, MinimizationDesign):
        raise EnvelopesRefused(
            _("With minimization each group depends on those who came before: no envelope can know it.")
        )
    if status_of(site.trial) != TrialStatus.Name.RECRUITING or not site.is_open:
        raise EnvelopesRefused(
            _("Envelopes are reserved and printed while the trial recruits and the site is open.")
        )
    if blinded_trials([site.trial_id]) and _without_code(site.trial):
        raise EnvelopesRefused(
            _("In a blinded trial an envelope may tell a randomization number only, and this list has none.")
        )


def surprises(envelope: Envelope, stratum: Stratum | None, language: str) -> dict[str, str]:
    """What is not as it should be when this envelope was opened for one of the stratum: kind to words."""
    found: dict[str, str] = {}
    own = envelope.place.stratum
    if stratum is None or stratum.pk != own.pk:
        found[Deviation.Kind.WRONG_STRATUM] = _(
            "Envelope %(number)s is for “%(envelope)s”; the participant belongs to “%(participant)s”."
        ) % {
            "number": envelope.number,
            "envelope": stratum_in_words(own, language),
            "participant": stratum_in_words(stratum, language) if stratum else "–",
        }
    earlier = _out().filter(site=envelope.site_id, place__stratum=own, number__lt=envelope.number)
    if left := list(earlier.order_by("number").values_list("number", flat=True)):
        found[Deviation.Kind.OTHER] = _("Envelope %(number)s was opened before number %(earlier)s.") % {
            "number": envelope.number,
            "earlier": ", ".join(map(str, left)),
        }
    return found


def surprises_for(envelope: Envelope, participant: Participant, *, language: str) -> dict[str, str]:
    """The same for a participant, before the envelope is recorded."""
    source = readiness(participant).source
    return surprises(envelope, source.stratum if isinstance(source, OfStratum) else None, language)


def checklist_of_opened(participant: Participant) -> list[Condition]:
    """What must hold of whom an envelope was opened for; whether they had left by then is checked later."""
    return [one for one in readiness(participant).conditions if one.key not in MAY_HAVE_CHANGED]


def _sealed(trial: Trial) -> SealedList:
    sealed = SealedList.objects.filter(trial=trial).select_related("protocol_version").first()
    if sealed is None:
        raise NotSealed
    return sealed


def _without_code(trial: Trial) -> bool:
    return Place.objects.filter(stratum__sealed_list__trial=trial, code="").exists()
