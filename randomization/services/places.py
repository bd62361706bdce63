"""Writing places, each sealed to where it stands, and taking them in order."""

from collections.abc import Iterable, Mapping, Sequence

from randomization.designs import Places
from randomization.errors import ListExhausted
from randomization.models import Place, Stratum
from randomization.sealing import seal_place

Codes = Mapping[str, Sequence[str]]
"""Stratum key to the randomization numbers of the places that are written."""


def write_places(
    strata: Iterable[Stratum], places: Places, codes: Codes, *, after: Mapping[str, int]
) -> None:
    """Append to each stratum what `places` holds for it, behind the places that it has."""
    Place.objects.bulk_create(
        (
            Place(
                stratum=stratum,
                position=position,
                content=seal_place(
                    holds, list_id=stratum.sealed_list_id, stratum=stratum.key, position=position
                ),
                code=code,
            )
            for stratum in strata
            for position, (holds, code) in enumerate(
                _with_codes(places[stratum.key], codes.get(stratum.key)), start=after.get(stratum.key, 0) + 1
            )
        ),
        batch_size=5000,
    )


def take_next(stratum: Stratum) -> Place:
    """The stratum's next place, counted. The caller has locked the counter. Raises ListExhausted."""
    if stratum.used == stratum.places:
        raise ListExhausted
    stratum.used += 1
    stratum.save(update_fields=["used"])
    return Place.objects.get(stratum=stratum, position=stratum.used)


def _with_codes(held: Sequence[str], codes: Sequence[str] | None) -> Iterable[tuple[str, str]]:
    return zip(held, codes or [""] * len(held), strict=True)
