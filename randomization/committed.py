"""The lists behind the commitments: opened from their places, as they were when each was committed to.

They tell every arm. They are for checking, and for everybody once they are revealed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from randomization.designs import Design, Places, canonical, commitment, design_from
from randomization.errors import DesignRefused, ListDamaged
from randomization.models import ListExtension, Place, SealedList
from randomization.sealing import unseal, unseal_place

Opened = dict[str, list[str]]
"""Stratum key to what its places hold."""


@dataclass(frozen=True)
class Committed:
    """One list, what it was committed with, and the number that was published."""

    number: int
    """0 for the list that was sealed first, 1 for its first extension, and so on."""
    places: Places
    canonical: bytes
    nonce: bytes
    commitment: str

    def refuse_if_another(self) -> None:
        """Raises ListDamaged where list and nonce do not give the commitment."""
        if self.commitment != commitment(self.nonce, self.canonical):
            raise ListDamaged(_("the list is not the one that was committed to"))


def sealed_design(sealed: SealedList) -> Design:
    """What the list was made by. Raises ListDamaged where what is stored is no design that makes a list."""
    try:
        design = design_from(sealed.design)
        design.refuse_what_can_be_guessed()
        design.sizes()
    except (DesignRefused, ArithmeticError, LookupError, TypeError, ValueError):
        raise ListDamaged(_("the stored design cannot be read")) from None
    return design


def opened(sealed: SealedList) -> Opened:
    """Every place of the list as it is now. Raises ListDamaged for one that is missing or does not open."""
    listed: Opened = {}
    places = Place.objects.filter(stratum__sealed_list=sealed).order_by("stratum", "position")
    for key, position, content in places.values_list("stratum__key", "position", "content").iterator():
        held = listed.setdefault(key, [])
        if position != len(held) + 1:
            raise ListDamaged(
                _("place %(number)s of %(stratum)s is missing") % {"number": len(held) + 1, "stratum": key}
            )
        held.append(_held(sealed, key, position, bytes(content)))
    return listed


def _held(sealed: SealedList, stratum: str, position: int, content: bytes) -> str:
    """Raises ListDamaged with the place's number."""
    try:
        return unseal_place(content, list_id=sealed.pk, stratum=stratum, position=position)
    except ListDamaged:
        raise ListDamaged(
            _("place %(number)s of %(stratum)s was changed, or its key is missing")
            % {"number": position, "stratum": stratum}
        ) from None


def made(sealed: SealedList, sizes: Mapping[str, int] | None = None) -> Opened | None:
    """The list made again from its seed, as long as it was at first or has `sizes`; None where it has no
    seed."""
    secret = seed(sealed)
    if secret is None:
        return None
    return sealed_design(sealed).list_from(secret, trial=sealed.trial.slug, sizes=sizes)


def seed(sealed: SealedList) -> bytes | None:
    """The secret that the list was made from; None where it was imported."""
    if sealed.seed is None:
        return None
    return unseal(bytes(sealed.seed), table="sealedlist", row=str(sealed.pk), field="seed")


def committed_lists(sealed: SealedList, listed: Opened) -> list[Committed]:
    """The first list and every extension, each a beginning of `listed`."""
    extensions = list(ListExtension.objects.filter(sealed_list=sealed).order_by("number"))
    sizes = extensions[0].sizes_before if extensions else _sizes(listed)
    nonce = unseal(bytes(sealed.nonce), table="sealedlist", row=str(sealed.pk), field="nonce")
    lists = [_committed(sealed, 0, listed, sizes, nonce, sealed.commitment)]
    for one in extensions:
        nonce = unseal(
            bytes(one.nonce), table="listextension", row=f"{sealed.pk}/{one.number}", field="nonce"
        )
        lists.append(_committed(sealed, one.number, listed, one.sizes, nonce, one.commitment))
    return lists


def _committed(
    sealed: SealedList, number: int, listed: Opened, sizes: Mapping[str, int], nonce: bytes, published: str
) -> Committed:
    places = {key: listed.get(key, [])[:size] for key, size in sizes.items()}
    text = canonical(sealed.trial.slug, sealed_design(sealed), places)
    return Committed(number, places, text, nonce, published)


def _sizes(listed: Places) -> dict[str, int]:
    return {key: len(held) for key, held in listed.items()}
