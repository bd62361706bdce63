"""Does everything about a trial's randomization agree? Looks at all of it, tells no arm."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from randomization.committed import Opened, committed_lists, made, opened, sealed_design
from randomization.decisions import Tally, decisions
from randomization.design import SITE
from randomization.designs import MinimizationDesign
from randomization.designs.base import EVERYBODY
from randomization.designs.clusters import SitesDesign, is_late
from randomization.errors import ListDamaged, NotSealed
from randomization.models import (
    Allocation,
    ClusterAllocation,
    Envelope,
    EnvelopeReturn,
    SealedList,
    Stratum,
)
from randomization.trail import check_chain, check_tables
from trial.core.db import one_moment
from trial.protocol.models import Trial
from trial.protocol.selectors import protocol_of


@dataclass(frozen=True)
class Agreement:
    """What was compared."""

    commitment: str
    strata: int
    places: int
    allocations: int


@one_moment()
def verify(trial: Trial) -> Agreement:
    """Raises NotSealed, or ListDamaged or TrailDisagrees with the first thing that does not agree.

    All of it as it is at one moment: the trial may go on meanwhile.

    In this order: the audit trail's chain; the places with the list made again from the seed and with every
    commitment; envelopes, order and counters; sites; each decision of minimization; and every row with the
    trail's record of how it was made.
    """
    sealed = SealedList.objects.filter(trial=trial).select_related("trial").first()
    if sealed is None:
        raise NotSealed
    check_chain()
    listed = opened(sealed)
    _check_list(sealed, listed)
    _check_allocations(sealed)
    strata = list(Stratum.objects.filter(sealed_list=sealed).order_by("pk"))
    for stratum in strata:
        _check_counter(stratum, len(listed.get(stratum.key, [])))
    _check_sites(sealed)
    _check_decisions(sealed, listed)
    check_tables(trial)
    return Agreement(
        commitment=sealed.commitment,
        strata=len(strata),
        places=sum(map(len, listed.values())),
        allocations=Allocation.objects.filter(participant__trial=trial).count(),
    )


def _check_list(sealed: SealedList, listed: Opened) -> None:
    """The places are those of the seed, whatever was added to them; each list is the one committed to."""
    lists = committed_lists(sealed, listed)
    for one in lists:
        sizes = {key: len(held) for key, held in one.places.items()}
        if made(sealed, sizes if one.number else None) not in (None, one.places):
            raise ListDamaged(_("the places are not those that the seed makes"))
        one.refuse_if_another()
    if lists[-1].places != listed:
        raise ListDamaged(_("there are other places than those that were committed to"))


def _check_counter(stratum: Stratum, places: int) -> None:
    """Every place up to the counter was given to one participant or site, or reserved as an envelope."""
    sites = ClusterAllocation.objects.filter(place__stratum=stratum)
    online = Allocation.objects.filter(place__stratum=stratum, cluster=None, envelope=None)
    reserved = Envelope.objects.filter(place__stratum=stratum)
    given = _positions(online)
    taken = sorted([*given, *_positions(reserved), *_positions(sites)])
    if stratum.places != places:
        raise ListDamaged(_("the number of places of %(stratum)s") % {"stratum": stratum.key})
    if taken != list(range(1, stratum.used + 1)) or given != sorted(given):
        raise ListDamaged(_("the order or number of allocations in %(stratum)s") % {"stratum": stratum.key})


def _positions(given: QuerySet[Any]) -> list[int]:
    """In the order in which they were given."""
    return list(given.order_by("pk").values_list("place__position", flat=True))


def _check_allocations(sealed: SealedList) -> None:
    """Places and participants are of one trial; who inherits or opened an envelope has the place of that."""
    here, ours = Q(place__stratum__sealed_list=sealed), Q(participant__trial=sealed.trial)
    wrong = {
        _("an allocation has a place of another trial"): here ^ ours,
        _("an allocation does not have the place of its site"): here
        & ~Q(cluster=None)
        & ~Q(place=F("cluster__place")),
        _("an allocation does not have the place of its envelope"): here
        & ~Q(envelope=None)
        & ~Q(place=F("envelope__place")),
        _("an envelope was returned and used"): here
        & Q(envelope__in=EnvelopeReturn.objects.values("envelope")),
    }
    for what, condition in wrong.items():
        if Allocation.objects.filter(condition).exists():
            raise ListDamaged(what)


def _check_sites(sealed: SealedList) -> None:
    """The sites of the design have the places that it names; others have late ones, in order of coming."""
    design = sealed_design(sealed)
    if not isinstance(design, SitesDesign):
        return
    rows = ClusterAllocation.objects.filter(place__stratum__sealed_list=sealed).order_by("pk")
    places = {
        site: (stratum, position)
        for site, stratum, position in rows.values_list("site__key", "place__stratum__key", "place__position")
    }
    at_once = design.where()
    late: dict[str, list[int]] = defaultdict(list)
    for site, (stratum, position) in places.items():
        if at_once.get(site, (stratum, position)) != (stratum, position):
            raise ListDamaged(_("the site %(site)s does not have its place") % {"site": site})
        if site not in at_once:
            late[stratum].append(position)
    if missing := sorted(at_once.keys() - places.keys()):
        raise ListDamaged(_("the site %(site)s does not have its place") % {"site": missing[0]})
    for stratum, positions in late.items():
        if positions != sorted(positions) or not is_late(stratum):
            raise ListDamaged(_("the order of late sites in %(stratum)s") % {"stratum": stratum})


def _check_decisions(sealed: SealedList, listed: Opened) -> None:
    """Minimization: each decision made again from its draw, its levels and all decisions before it.

    The level of a factor that is the site must be the participant's site; answers may be corrected later.
    """
    design = sealed_design(sealed)
    if not isinstance(design, MinimizationDesign):
        return
    allocations = Allocation.objects.filter(place__stratum__sealed_list=sealed)
    if allocations.filter(decision=None).exists():
        raise ListDamaged(_("an allocation lacks its decision"))
    sites = dict(allocations.values_list("place__position", "participant__site__key"))
    factors = protocol_of(sealed.protocol_version).randomization.strata
    by_site = [factor.key for factor in factors if factor.source == SITE]
    tally = Tally()
    for position, kept in decisions(sealed):
        draw = int(listed[EVERYBODY][position - 1])
        if kept != design.decide(kept.levels, tally.counts, draw) or any(
            kept.levels[factor] != sites[position] for factor in by_site
        ):
            raise ListDamaged(_("the decision at place %(number)s") % {"number": position})
        tally.add(kept)
