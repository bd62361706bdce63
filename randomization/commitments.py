"""What anybody may know of a trial's commitments: no block size before the reveal, never a participant."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from uuid import UUID

from django.utils.translation import gettext as _

from randomization import verify_list
from randomization.committed import committed_lists, opened, seed
from randomization.designs import Design, PairDesign, design_from
from randomization.models import ListExtension, Place, Reveal, SealedList, Stratum

VERIFIER = "verify_list.py"
GROUP = 8
"""Letters that are read together."""


@dataclass(frozen=True)
class Published:
    """One commitment: of the list as it was sealed, or of a longer one."""

    number: int
    commitment: str
    at: datetime

    @property
    def groups(self) -> list[str]:
        return [self.commitment[at : at + GROUP] for at in range(0, len(self.commitment), GROUP)]

    @property
    def files(self) -> tuple[str, str]:
        """Names of the list and its nonce, once they are revealed."""
        suffix = f"-{self.number}" if self.number else ""
        return f"list{suffix}.txt", f"nonce{suffix}.txt"


def published(sealed: SealedList) -> list[Published]:
    """The trial's commitments, the first one first."""
    longer = ListExtension.objects.filter(sealed_list=sealed).order_by("number")
    return [
        Published(0, sealed.commitment, sealed.sealed_at),
        *(Published(one.number, one.commitment, one.at) for one in longer),
    ]


def covering(place: Place) -> Published:
    """The commitment that holds for the place: of the first list that was long enough for it."""
    sealed, stratum = place.stratum.sealed_list, place.stratum.key
    before = ListExtension.objects.filter(sealed_list=sealed).values_list("sizes_before", flat=True)
    return published(sealed)[sum(place.position > sizes[stratum] for sizes in before)]


def commands(sealed: SealedList) -> list[str]:
    """By which anybody checks each list, the first one first, once they are revealed."""
    seed = ["--seed", "seed.txt"] if sealed.seed else []
    earlier: list[str] = []
    told = []
    for one in published(sealed):
        told.append(" ".join(["python", VERIFIER, *one.files, one.commitment, *earlier, *seed]))
        earlier += ["--earlier", one.files[0]]
    return told


def lists_of(sealed: SealedList) -> int:
    """How many strata it has. How many places is not told: whole blocks would show their size."""
    return Stratum.objects.filter(sealed_list=sealed).count()


def reveal_of(sealed: SealedList) -> Reveal | None:
    return Reveal.objects.filter(sealed_list=sealed).first()


def revealed_files(sealed: SealedList) -> Mapping[str, bytes]:
    """Every list with its nonce, and the seed of them all where there is one. Only after the reveal."""
    return _revealed_files(sealed.pk, ListExtension.objects.filter(sealed_list=sealed).count())


@lru_cache(maxsize=2)
def _revealed_files(list_id: UUID, extensions: int) -> Mapping[str, bytes]:
    """Kept, since anybody may ask for them at any time; from the reveal on nothing of them changes."""
    sealed = SealedList.objects.select_related("trial").get(pk=list_id)
    files: dict[str, bytes] = {}
    for made, one in zip(committed_lists(sealed, opened(sealed)), published(sealed), strict=True):
        name, nonce = one.files
        files |= {name: made.canonical, nonce: _in_hex(made.nonce)}
    if secret := seed(sealed):
        files["seed.txt"] = _in_hex(secret)
    return files


def verifier() -> bytes:
    """The program by which anybody checks a revealed list."""
    return Path(verify_list.__file__).read_bytes()


def meaning(sealed: SealedList) -> str:
    """What was drawn in advance, for who knows nothing of lists."""
    design: Design = design_from(sealed.design)
    if isinstance(design, PairDesign):
        return _(
            "Before the first participant came, it was drawn which site of each pair comes into which group, "
            "and sealed. This number is the fingerprint of what was drawn."
        )
    if design.is_cluster:
        return _(
            "Before the first participant came, it was drawn which site comes into which group, and sealed. "
            "This number is the fingerprint of what was drawn."
        )
    return _(
        "Before the first participant was randomized, all that chance decides was drawn and sealed. "
        "This number is its fingerprint."
    )


def _in_hex(number: bytes) -> bytes:
    return f"{number.hex()}\n".encode()
