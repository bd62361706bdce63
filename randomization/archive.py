"""The closing archive: everything by which an outsider checks a finished trial's randomization.

It tells every arm by study id. Nothing in it names a participant, and no free text of staff goes in.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from randomization.arms import arms_of
from randomization.commitments import (
    VERIFIER,
    Published,
    commands,
    published,
    reveal_of,
    revealed_files,
    verifier,
)
from randomization.committed import opened
from randomization.decisions import decisions
from randomization.errors import NotRevealed, NotSealed
from randomization.models import (
    Allocation,
    ClusterAllocation,
    Deviation,
    Envelope,
    EnvelopeReturn,
    EnvelopeUse,
    Place,
    SealedList,
    Unblinding,
    UnblindingDecision,
)
from trial.audit.services import record_read
from trial.core.archives import entry, new_zip
from trial.protocol.models import Trial

SPECIFICATION = "randomization-list.md"
SUMS = "SHA256SUMS"

README = """\
The randomization of the trial {trial}, to be checked by anybody.

list.txt, nonce.txt   the list as it was revealed, and the secret number that belongs to it{longer}
seed.txt              the secret seed that the list was made from (not there for a list made elsewhere)
commitments.csv       the numbers that were published when the lists were sealed
allocations.csv       who was given which place, in the order in which it was recorded
envelopes.csv         places that were reserved as envelopes for days when the system was down
sites.csv             in a cluster trial: the place of each site, in the order in which they came
deviations.csv        mistakes at randomization; everybody is analysed as allocated
unblindings.csv       who was unblinded before the end
design.json           how the list was made; {specification} says what it means
{verifier}        checks it all; needs Python 3.11 or newer, and nothing else
{sums}            check the files themselves with: sha256sum -c {sums}

The first commitment below must be the one that was written down before the first participant, that of a
longer list the one that was written down when it was published: not only those that stand here.

{commands}

Without Python, this must print the first commitment:

  {{ xxd -r -p nonce.txt; cat list.txt; }} | sha256sum
"""

Row = Sequence[object]


def write_closing_archive(*, trial: Trial, target: Path, now: datetime) -> dict[str, str]:
    """Write the zip; answers with the name and SHA-256 of every file in it. The reading of arms is recorded.

    Raises NotSealed, NotRevealed, and FileExistsError (or another OSError) from the disk; after an error
    there is no file.
    """
    sealed = SealedList.objects.filter(trial=trial).select_related("trial").first()
    if sealed is None:
        raise NotSealed
    if reveal_of(sealed) is None:
        raise NotRevealed
    with new_zip(target) as archive, transaction.atomic():
        record_read(
            what=f"arms of {trial.slug}",
            participant_study_id="",
            fields=["arm"],
            reason="closing archive",
            now=now,
        )
        files = dict(_files(sealed))
        sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        files[SUMS] = "".join(f"{sha256}  {name}\n" for name, sha256 in sums.items()).encode()
        for name, content in files.items():
            archive.writestr(entry(name), content)
    return sums


def _files(sealed: SealedList) -> Iterator[tuple[str, bytes]]:
    every = published(sealed)
    levels = {made.position: made.decision.levels for made in decisions(sealed)}
    factors = [key for key, *_levels in sealed.design["factors"]] if levels else []
    columns = " ".join(f"level:{key}" for key in factors)
    codes = Place.objects.filter(stratum__sealed_list=sealed).exclude(code="")
    numbered = "code" if codes.exists() else ""
    design = json.dumps(sealed.design, indent=2, sort_keys=True, ensure_ascii=False)
    yield "README.txt", _readme(sealed, every).encode()
    yield from revealed_files(sealed).items()
    yield "commitments.csv", _csv("list nonce commitment published", _commitments(every))
    yield (
        "allocations.csv",
        _csv(
            f"number study_id stratum position arm at site envelope opened {numbered} {columns}",
            ([*row, *(levels[row[3]][key] for key in factors)] for row in _allocations(sealed)),
        ),
    )
    yield "envelopes.csv", _csv("site number stratum position state reserved", _envelopes(sealed))
    yield "sites.csv", _csv("site stratum position arm at", _sites(sealed))
    yield "deviations.csv", _csv("study_id kind recorded", _deviations(sealed))
    yield "unblindings.csv", _csv("study_id asked released decided", _unblindings(sealed))
    yield "design.json", f"{design}\n".encode()
    yield SPECIFICATION, (settings.BASE_DIR / "docs" / SPECIFICATION).read_bytes()
    yield VERIFIER, verifier()


def _commitments(every: Iterable[Published]) -> Iterator[Row]:
    for one in every:
        yield *one.files, one.commitment, one.at


def _allocations(sealed: SealedList) -> Iterator[Any]:
    allocations = Allocation.objects.filter(place__stratum__sealed_list=sealed)
    arms = dict(arms_of(allocations))
    uses = EnvelopeUse.objects.filter(allocation__in=allocations)
    opened_at = dict(uses.values_list("allocation__participant", "opened_at"))
    rows = allocations.order_by("pk").values_list(
        "participant_id",
        "participant__study_id",
        "place__stratum__key",
        "place__position",
        "at",
        "participant__site__key",
        "envelope__number",
        "place__code",
    )
    for number, (participant, study_id, *place, at, site, envelope, code) in enumerate(rows.iterator(), 1):
        opening = opened_at.get(participant)
        told = [number, study_id, *place, arms[participant], at, site, envelope, opening]
        yield [*told, code] if code else told


def _envelopes(sealed: SealedList) -> Iterator[Row]:
    """What became of each: used, returned in one of the known ways, or out."""
    envelopes = Envelope.objects.filter(place__stratum__sealed_list=sealed)
    used = set(Allocation.objects.filter(envelope__in=envelopes).values_list("envelope", flat=True))
    returned = dict(EnvelopeReturn.objects.filter(envelope__in=envelopes).values_list("envelope", "kind"))
    rows = envelopes.order_by("site__key", "number").values_list(
        "pk", "site__key", "number", "place__stratum__key", "place__position", "at"
    )
    for pk, *about, at in rows:
        yield [*about, "used" if pk in used else returned.get(pk, "out"), at]


def _sites(sealed: SealedList) -> Iterator[Row]:
    listed = opened(sealed)
    rows = ClusterAllocation.objects.filter(place__stratum__sealed_list=sealed).order_by("pk")
    for site, stratum, position, at in rows.values_list(
        "site__key", "place__stratum__key", "place__position", "at"
    ):
        yield site, stratum, position, listed[stratum][position - 1], at


def _deviations(sealed: SealedList) -> Iterable[Row]:
    deviations = Deviation.objects.filter(participant__trial=sealed.trial).order_by("pk")
    return deviations.values_list("participant__study_id", "kind", "at")


def _unblindings(sealed: SealedList) -> Iterator[Row]:
    """Everybody who was asked about; without a decision the last two are empty."""
    unblindings = Unblinding.objects.filter(participant__trial=sealed.trial).order_by("pk")
    decided = {
        unblinding: (released, at)
        for unblinding, released, at in UnblindingDecision.objects.filter(
            unblinding__in=unblindings
        ).values_list("unblinding", "released", "at")
    }
    for pk, study_id, at in unblindings.values_list("pk", "participant__study_id", "at"):
        yield study_id, at, *decided.get(pk, ("", ""))


def _readme(sealed: SealedList, every: Sequence[Published]) -> str:
    lines = [f"  {command}" for command in commands(sealed)]
    lines[-1] += " --envelopes envelopes.csv --sites sites.csv allocations.csv"
    longer = "; list-1.txt and so on: the longer ones" if len(every) > 1 else ""
    return README.format(
        trial=sealed.trial.slug,
        longer=longer,
        commands="\n".join(lines),
        specification=SPECIFICATION,
        verifier=VERIFIER,
        sums=SUMS,
    )


def _csv(header: str, rows: Iterable[Row]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header.split())
    writer.writerows([_as_text(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def _as_text(cell: object) -> str:
    if isinstance(cell, datetime):
        return f"{cell.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return "" if cell is None else str(cell)
