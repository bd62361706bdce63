"""What a file for this trial looks like, for whoever makes one."""

from collections.abc import Iterable

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


def _written(rows: Iterable[Iterable[str]]) -> str:
    return "\n".join(",".join(cells) for cells in rows)
