"""Does everything about a trial's randomization agree? Looks at all of it, tells no arm."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from randomization.designs import canonical, commitment, design_from
from randomization.errors import ListDamaged, NotSealed
from randomization.models import Allocation, ClusterAllocation, Place, SealedList, Stratum
from randomization.sealing import unseal, unseal_place
from trial.protocol.models import Trial


@dataclass(frozen=True)
class Agreement:
    """What was compared."""

    commitment: str
    strata: int
    places: int
    allocations: int


def verify(trial: Trial) -> Agreement:
    """Raises NotSealed, or ListDamaged with the first thing that does not agree.

    Sealed places, the list made again from the seed, the commitment, the counters and the allocations.
    """
    sealed = SealedList.objects.filter(trial=trial).first()
    if sealed is None:
        raise NotSealed
    listed = _opened(sealed)
    design = design_from(sealed.design)
    if listed != design.list_from(_secret(sealed, "seed"), trial=trial.slug):
        raise ListDamaged(_("the places are not those that the seed makes"))
    if sealed.commitment != commitment(_secret(sealed, "nonce"), canonical(trial.slug, design, listed)):
        raise ListDamaged(_("the list is not the one that was committed to"))
    for stratum in Stratum.objects.filter(sealed_list=sealed):
        _check_counter(stratum, len(listed[stratum.key]))
    return Agreement(
        commitment=sealed.commitment,
        strata=len(listed),
        places=sum(map(len, listed.values())),
        allocations=Allocation.objects.filter(participant__trial=trial).count(),
    )


def _secret(sealed: SealedList, field: str) -> bytes:
    return unseal(bytes(getattr(sealed, field)), table="sealedlist", row=str(sealed.pk), field=field)


def _opened(sealed: SealedList) -> Mapping[str, list[str]]:
    listed: dict[str, list[str]] = {}
    places = Place.objects.filter(stratum__sealed_list=sealed).order_by("stratum", "position")
    for place in places.select_related("stratum").iterator():
        key = place.stratum.key
        arms = listed.setdefault(key, [])
        if place.position != len(arms) + 1:
            raise ListDamaged(
                _("place %(number)s of %(stratum)s is missing") % {"number": len(arms) + 1, "stratum": key}
            )
        arms.append(
            unseal_place(bytes(place.content), list_id=sealed.pk, stratum=key, position=place.position)
        )
    return listed


def _check_counter(stratum: Stratum, places: int) -> None:
    by_site = ClusterAllocation.objects.filter(place__stratum=stratum).order_by("place__position")
    by_person = Allocation.objects.filter(place__stratum=stratum, cluster=None).order_by("pk")
    given = [
        *by_site.values_list("place__position", flat=True),
        *by_person.values_list("place__position", flat=True),
    ]
    if stratum.places != places:
        raise ListDamaged(_("the number of places of %(stratum)s") % {"stratum": stratum.key})
    if given != list(range(1, stratum.used + 1)):
        raise ListDamaged(_("the order or number of allocations in %(stratum)s") % {"stratum": stratum.key})
