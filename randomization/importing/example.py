"""What a file for this trial looks like, for whoever makes one, and one for rehearsals."""

from collections.abc import Callable, Iterable

from randomization.designs import ImportedDesign, strata, stratum_key
from randomization.importing.columns import ARM, CODE, GROUP, NUMBER, POSITION, STRATUM
from randomization.importing.words import DATA_ACCESS_GROUP, SITE
from trial.protocol.schema import Protocol


def examples(design: ImportedDesign, protocol: Protocol) -> tuple[str, str]:
    """The first rows in our own format, and in REDCap's. The arms stand in the protocol's order: no list."""
    levels = strata(design.factors)[0]
    arms = protocol.arms[:2]
    ours = [(STRATUM, POSITION, ARM, CODE)]
    ours += [(stratum_key(levels), str(at), arm.key, f"10{at}") for at, arm in enumerate(arms, start=1)]
    columns = [
        DATA_ACCESS_GROUP if factor.source == SITE else factor.code or factor.source
        for factor in protocol.randomization.strata
    ]
    redcap = [(GROUP, NUMBER, *columns)]
    redcap += [(arm.code or arm.key, f"10{at}", *levels.values()) for at, arm in enumerate(arms, start=1)]
    return _written(ours), _written(redcap)


def drawn_file(design: ImportedDesign, shuffle: Callable[[list[str]], None]) -> bytes:
    """A list by the design in our own format, drawn with `shuffle`: never for a trial that is run."""
    size = design.block_size or len(design.arms) * 2
    rows = [(STRATUM, POSITION, ARM)]
    for key in design.sizes():
        held: list[str] = []
        while len(held) < design.places_per_stratum:
            block = design.arms * (size // len(design.arms))
            shuffle(block)
            held += block
        rows += [(key, str(at), arm) for at, arm in enumerate(held, start=1)]
    return _written(rows).encode()


def _written(rows: Iterable[Iterable[str]]) -> str:
    return "\n".join(",".join(cells) for cells in rows)
