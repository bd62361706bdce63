"""More places for a sealed list: appended, never changed, never used twice."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from randomization.committed import made, opened
from randomization.designs import (
    NONCE_BYTES,
    Design,
    ImportedDesign,
    Places,
    canonical,
    commitment,
    design_from,
)
from randomization.designs.base import MOST_PLACES
from randomization.errors import (
    ListDamaged,
    ListMissing,
    ListNotWanted,
    NotExtended,
    NotSealed,
    SecondPersonNeeded,
)
from randomization.importing import ImportedList, read_list, words_of
from randomization.importing.words import plain
from randomization.models import ListExtension, Place, Reveal, SealedList, SealProposal, Stratum
from randomization.sealing import seal
from randomization.services.places import write_places
from trial.accounts.models import User
from trial.protocol.models import Trial
from trial.protocol.selectors import active_version, protocol_of


@transaction.atomic
def extend_lists(
    *,
    trial: Trial,
    by: User,
    now: datetime,
    places_per_stratum: int | None = None,
    imported: bytes | None = None,
    key: bytes | None = None,
    seen: int | None = None,
) -> ListExtension:
    """Append places by the same seed, until every stratum has at least so many, or a second imported file.

    Everything that was sealed stays as it is; the longer list has a commitment of its own. `seen` is how many
    extensions there were when it was asked for: another number means that somebody was faster. Raises
    NotSealed, NotExtended, ListMissing, ListNotWanted, ListRefused; SecondPersonNeeded for a file in a trial
    that asks for two persons (what the seed makes, nobody can choose).
    """
    # Weaker than sealing's lock: rows that only refer to the trial can be written meanwhile.
    Trial.objects.select_for_update(no_key=True).get(pk=trial.pk)
    sealed = SealedList.objects.filter(trial=trial).first()
    if sealed is None:
        raise NotSealed
    two_persons = protocol_of(active_version(trial)).randomization.two_person_seal
    if two_persons and isinstance(design_from(sealed.design), ImportedDesign):
        raise SecondPersonNeeded
    if seen is not None and seen != ListExtension.objects.filter(sealed_list=sealed).count():
        raise NotExtended(_("The list was made longer meanwhile. Look at it again."))
    return extend(sealed, by=by, now=now, places_per_stratum=places_per_stratum, imported=imported, key=key)


def extend(
    sealed: SealedList,
    *,
    by: User,
    now: datetime,
    places_per_stratum: int | None = None,
    imported: bytes | None = None,
    key: bytes | None = None,
    proposal: SealProposal | None = None,
) -> ListExtension:
    """Within a transaction that holds the trial."""
    design = design_from(sealed.design)
    refuse_what_is_final(sealed, design)
    before = opened(sealed)
    file = read_more(sealed, imported, key, before)
    if file and places_per_stratum is not None:
        raise NotExtended(_("The file says how many places there are: leave their number away."))
    longer = _appended(before, file.places) if file else _made_longer(sealed, before, places_per_stratum)
    if any(longer[key][: len(held)] != held for key, held in before.items()):
        raise ListDamaged(_("the places are not those that the seed makes"))
    sizes_before, sizes = _sizes(before), _sizes(longer)
    number = ListExtension.objects.filter(sealed_list=sealed).count() + 1
    nonce = secrets.token_bytes(NONCE_BYTES)
    _write(sealed, longer, sizes_before, file)
    return ListExtension.objects.create(
        sealed_list=sealed,
        number=number,
        asked=None if file else places_per_stratum,
        sizes=sizes,
        sizes_before=sizes_before,
        nonce=seal(nonce, table="listextension", row=f"{sealed.pk}/{number}", field="nonce"),
        commitment=commitment(nonce, canonical(sealed.trial.slug, design, longer)),
        at=now,
        by=by,
        proposal=proposal,
    )


def read_more(
    sealed: SealedList, imported: bytes | None, key: bytes | None = None, before: Places | None = None
) -> ImportedList | None:
    """What a second file adds to an imported list; None where places are made from the seed.

    Raises ListMissing, ListNotWanted or ListRefused.
    """
    design = design_from(sealed.design)
    if not isinstance(design, ImportedDesign):
        if imported is not None or key is not None:
            raise ListNotWanted
        return None
    if not imported:
        raise ListMissing
    codes = Place.objects.filter(stratum__sealed_list=sealed).exclude(code="").values_list("code", flat=True)
    return read_list(
        imported,
        key=key,
        design=design,
        words=words_of(protocol_of(sealed.protocol_version)),
        before=opened(sealed) if before is None else before,
        codes_before=frozenset(map(plain, codes)),
    )


def refuse_what_is_final(sealed: SealedList, design: Design) -> None:
    if design.is_cluster:
        raise NotExtended(
            _("Sites are randomized once. Places for late sites are planned in the protocol before sealing.")
        )
    if Reveal.objects.filter(sealed_list=sealed).exists():
        raise NotExtended(_("The list is published: nobody can be randomized by it any more."))


def _appended(before: Places, more: Places) -> dict[str, list[str]]:
    return {key: [*held, *more.get(key, ())] for key, held in before.items()}


def _made_longer(sealed: SealedList, before: Places, at_least: int | None) -> Mapping[str, Sequence[str]]:
    if at_least is None or all(len(held) >= at_least for held in before.values()):
        raise NotExtended(_("Every stratum has so many places already. Ask for more than now."))
    if at_least * len(before) > MOST_PLACES:
        raise NotExtended(_("The whole list can have at most %(most)s places.") % {"most": MOST_PLACES})
    longer = made(sealed, {key: max(at_least, len(held)) for key, held in before.items()})
    if longer is None:
        raise ListMissing
    return longer


def _sizes(places: Places) -> dict[str, int]:
    return {key: len(held) for key, held in places.items()}


def _write(sealed: SealedList, longer: Places, before: Mapping[str, int], file: ImportedList | None) -> None:
    """Holds every counter while the places are written: an allocation waits, or has come before."""
    strata = list(Stratum.objects.select_for_update().filter(sealed_list=sealed).order_by("pk"))
    for stratum in strata:
        if stratum.places != before[stratum.key]:
            raise ListDamaged(_("the number of places of %(stratum)s") % {"stratum": stratum.key})
    more = {key: held[before[key] :] for key, held in longer.items()}
    write_places(strata, more, file.codes if file else {}, after=before)
    for stratum in strata:
        if more[stratum.key]:
            stratum.places = len(longer[stratum.key])
            stratum.save(update_fields=["places"])
