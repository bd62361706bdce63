"""Which column is which: our own format, and REDCap's allocation table.

REDCap's table (as its importer reads it, version 14.7 and before): `redcap_randomization_group` holds the raw
code of the arm, and is left out or optional in blinded randomization; `redcap_randomization_number` is the
number that a blinded participant gets, and optional in open randomization; either may be called by the
target field's own variable name instead, as older releases did; `redcap_data_access_group` holds the site's
number; each stratum field has a column with raw codes. The rows of a stratum are used from the top. Columns
without a name, and `notes`, are for people.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from randomization.importing.defects import Defect, ListRefused, shown
from randomization.importing.table import Table
from randomization.importing.words import ListWords, plain

STRATUM, POSITION, ARM, CODE = "stratum", "position", "arm", "code"
OURS = {STRATUM, POSITION, ARM}
GROUP, NUMBER = "redcap_randomization_group", "redcap_randomization_number"
KEY = ({NUMBER, CODE}, {GROUP, ARM})
"""What the two columns of a key may be called."""
FOR_PEOPLE = {"", "note", "notes"}


@dataclass(frozen=True)
class Columns:
    """Where in a row things stand; None for what the file does not have."""

    names: Sequence[str]
    arm: int | None
    """None where the key tells the arms."""
    factors: Mapping[str, int]
    stratum: int | None = None
    position: int | None = None
    """None where the order of the rows is the order of the places."""
    code: int | None = None

    @property
    def width(self) -> int:
        """Where the last named column ends."""
        return max(at for at, name in enumerate(self.names, start=1) if name)

    @property
    def ignores_more(self) -> bool:
        """REDCap's templates carry notes to the right of the table."""
        return self.position is None


def columns_of(table: Table, words: ListWords, *, keyed: bool) -> Columns:
    """Raises ListRefused with all that is wrong with the header; `keyed` is whether a key tells the arms."""
    names = _names(table)
    if OURS & set(names):
        columns = _our_columns(names, words)
    else:
        columns = _redcap_columns(names, table, words, keyed=keyed)
    if keyed and columns.arm is not None:
        raise ListRefused([Defect(_("The list has its arms already. Leave the key away."))])
    return columns


def key_columns(table: Table) -> tuple[Sequence[str], int, int]:
    """The names, and where numbers and arms stand in a blinded table's key; the rest is for people."""
    names = _names(table)
    numbers, arms = ([at for at, name in enumerate(names) if name in called] for called in KEY)
    defects = [_missing(name) for name, found in ((CODE, numbers), (ARM, arms)) if not found]
    defects += [
        Defect(_("This column stands twice."), 1, names[at]) for found in (numbers, arms) for at in found[1:]
    ]
    if defects:
        raise ListRefused(defects)
    return names, numbers[0], arms[0]


def _names(table: Table) -> list[str]:
    names = [plain(name) for name in table.header]
    twice = {name for name, count in Counter(names).items() if name not in FOR_PEOPLE and count > 1}
    if twice:
        raise ListRefused(Defect(_("This column stands twice."), 1, name) for name in sorted(twice))
    return names


def _our_columns(names: Sequence[str], words: ListWords) -> Columns:
    factors, defects = _factor_columns(names, words)
    if STRATUM in names:
        defects = []
        if factors:
            what = _("The stratum stands twice: give one column for it, or one for each factor.")
            defects = [Defect(what, 1, names[at]) for at in factors.values()]
    known = {STRATUM, POSITION, ARM, CODE} | FOR_PEOPLE | {names[at] for at in factors.values()}
    defects += [_missing(name) for name in (POSITION, ARM) if name not in names]
    defects += _unknown(name for name in names if name not in known)
    if defects:
        raise ListRefused(defects)
    return Columns(
        names=names,
        arm=names.index(ARM),
        factors=factors,
        stratum=_index(names, STRATUM),
        position=names.index(POSITION),
        code=_index(names, CODE),
    )


def _redcap_columns(names: list[str], table: Table, words: ListWords, *, keyed: bool) -> Columns:
    factors, defects = _factor_columns(names, words)
    known = {GROUP, NUMBER} | {names[at] for at in factors.values()}
    others = [at for at, name in enumerate(names) if name not in known | FOR_PEOPLE]
    arm, code = _index(names, GROUP), _index(names, NUMBER)
    if len(others) == 1 and (arm is None or code is None):
        target = others.pop()
        if arm is None and (code is not None or _holds_arms(target, table, words)):
            arm = target
        elif code is None:
            code = target
    if arm is None and code is None and not factors:
        raise ListRefused(
            [Defect(_("The first row must name the columns: stratum, position, arm; or those of REDCap."), 1)]
        )
    defects += _unknown(names[at] for at in others)
    if arm is None and code is None:
        defects.append(_missing(GROUP))
    elif arm is None and not keyed:
        defects.append(Defect(_no_arms(), 1, GROUP))
    if defects:
        raise ListRefused(defects)
    return Columns(names=names, arm=arm, factors=factors, code=code)


def _no_arms() -> str:
    return _(
        "The list has randomization numbers, but no arms. Tilbake seals the arms, so that the commitment "
        "covers them and a participant can be unblinded; the numbers are not sealed. Add this column, or "
        "choose the key too: a CSV file that says which arm each number stands for."
    )


def _factor_columns(names: Sequence[str], words: ListWords) -> tuple[dict[str, int], list[Defect]]:
    found: dict[str, int] = {}
    defects = []
    for factor in words.factors:
        places = [at for at, name in enumerate(names) if name in factor.columns]
        if places:
            found[factor.key] = places[0]
        else:
            defects.append(_missing(factor.key))
        defects += [Defect(_("This column stands twice."), 1, names[at]) for at in places[1:]]
    return found, defects


def _holds_arms(at: int, table: Table, words: ListWords) -> bool:
    """Whether one is known as an arm, or some repeat, as randomization numbers may not."""
    values = [plain(cells[at]) for _number, cells in table.rows if cells[at]]
    return any(value in words.arms for value in values) or len(set(values)) < len(values)


def _index(names: Sequence[str], name: str) -> int | None:
    return names.index(name) if name in names else None


def _missing(name: str) -> Defect:
    return Defect(_("This column is missing."), 1, name)


def _unknown(names: Iterable[str]) -> list[Defect]:
    return [Defect(_("This column is not known."), 1, shown(name)) for name in names]
