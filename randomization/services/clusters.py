"""Sites that join a cluster trial after its list was sealed."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from randomization.designs import PairDesign, SitesDesign, design_from
from randomization.errors import NoLatePlace, NotSealed, SiteRefused
from randomization.models import ClusterAllocation, SealedList, Stratum
from randomization.services.places import take_next
from trial.accounts.models import User
from trial.people.models import Site
from trial.protocol.selectors import active_version, protocol_of
from trial.protocol.services import refuse_locked


@transaction.atomic
def allocate_late_site(*, site: Site, by: User, now: datetime) -> list[ClusterAllocation]:
    """Give a site that joined after the sealing the next late place of its group; a pair, the next two.

    The protocol in force names the site, and its group or pair. Place by place, in order: nobody chooses, and
    nobody can know what comes. A second call returns what the first one gave. Raises NotSealed; SiteRefused
    where the site does not take a late place; NoLatePlace where there is none or all are used; DataLocked
    when the trial is over.
    """
    refuse_locked(site.trial)
    sealed = SealedList.objects.filter(trial=site.trial_id).first()
    if sealed is None:
        raise NotSealed
    design = design_from(sealed.design)
    if not isinstance(design, SitesDesign):
        raise SiteRefused(_("This trial randomizes participants, not sites."))
    together, group = _together(site, design)
    late = (
        Stratum.objects.select_for_update().filter(sealed_list=sealed, key=design.late_stratum(group)).first()
    )
    allocated = list(ClusterAllocation.objects.filter(site__in=together).order_by("place"))
    if len(allocated) == len(together):
        return allocated
    if allocated:
        raise SiteRefused(_("The other site of this pair is randomized already."))
    if late is None or late.places - late.used < len(together):
        raise NoLatePlace
    return [
        ClusterAllocation.objects.create(site=one, place=take_next(late), at=now, by=by) for one in together
    ]


def _together(site: Site, design: SitesDesign) -> tuple[list[Site], str | None]:
    """The site, or both sites of its pair, by their keys; and its group. Raises SiteRefused."""
    described = {one.key: one for one in protocol_of(active_version(site.trial)).sites}
    if site.key not in described:
        raise SiteRefused(_("The protocol in force does not name this site."))
    keys = {site.key}
    if isinstance(design, PairDesign):
        pair = described[site.key].pair
        keys = {key for key, one in described.items() if pair and one.pair == pair}
    sites = sorted(Site.objects.filter(trial=site.trial_id, key__in=keys), key=lambda one: one.key)
    if isinstance(design, PairDesign) and len(sites) != 2:
        raise SiteRefused(_("Sites of this trial join in pairs, and this one has no partner."))
    return sites, described[site.key].group
