"""From a file to places, or to all that is wrong with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from randomization.designs import ImportedDesign, strata, stratum_key
from randomization.designs.base import MOST_PLACES
from randomization.importing import checks
from randomization.importing.columns import GROUP, Columns, columns_of
from randomization.importing.defects import Defect, ListRefused, shown
from randomization.importing.key import Key, key_of
from randomization.importing.lines import Line
from randomization.importing.table import Table, is_spoiled, table_of, written
from randomization.importing.words import ListWords, Words, meaning, plain, why_not


@dataclass(frozen=True)
class ImportedList:
    """What the file says, in the words of the design."""

    places: Mapping[str, Sequence[str]]
    """Stratum key to arm keys, in order of position; of an extension the new ones only."""
    codes: Mapping[str, Sequence[str]]
    """The randomization numbers in the same shape, empty where the file has none."""
    notes: Sequence[str]
    """What is allowed, but should be looked at before the list is sealed for good."""
    file: bytes
    """What was read, as one file: a blinded table with the arms that its key told."""


def read_list(
    raw: bytes,
    *,
    key: bytes | None = None,
    design: ImportedDesign,
    words: ListWords,
    before: Mapping[str, Sequence[str]] | None = None,
    codes_before: frozenset[str] = frozenset(),
) -> ImportedList:
    """Our own CSV format, or REDCap's allocation table; docs/imported-lists.md describes both.

    `key` is a second file, which tells the arms of a table that has randomization numbers only. `before` are
    the places of a list that is extended: positions go on after them, and so do blocks.
    Raises ListRefused with every defect.
    """
    table = table_of(raw)
    told, defects = _key(key, words)
    try:
        columns = columns_of(table, words, keyed=key is not None)
    except ListRefused as refused:
        raise ListRefused([*table.defects, *refused.defects, *defects]) from None
    already: dict[str, Sequence[str]] = {
        stratum_key(levels): (before or {}).get(stratum_key(levels), ()) for levels in strata(design.factors)
    }
    reader = _Reader(columns, words, already, told)
    lines = [reader.line(row, cells) for row, cells in table.rows]
    by_stratum: dict[str, list[Line]] = {key: [] for key in already}
    for line in lines:
        if line.stratum is not None:
            by_stratum[line.stratum].append(line)
    lost = sum(line.stratum is None for line in lines)
    defects += [*table.defects, *reader.defects, *checks.positions(by_stratum, already, lost)]
    if before is None:
        defects += checks.unused(by_stratum, design)
    if columns.code is not None or codes_before:
        defects += checks.codes(lines, words, codes_before)
    if told:
        defects += told.not_in(line.code for line in lines)
    if columns.position is not None or all(line.stratum for line in lines):
        defects += checks.blocks(by_stratum, already, design)
    if defects:
        raise ListRefused(defects)
    places = {key: [line.arm or "" for line in listed] for key, listed in by_stratum.items()}
    return ImportedList(
        places=places,
        codes={key: [line.code for line in listed] for key, listed in by_stratum.items()},
        notes=checks.notes(places, design) if before is None else [],
        file=_joined(table, lines, told) if told else raw,
    )


def _key(raw: bytes | None, words: ListWords) -> tuple[Key | None, list[Defect]]:
    """The key, and what is wrong with it; None without one, and for one that cannot be read at all."""
    if raw is None:
        return None, []
    try:
        key = key_of(raw, words)
    except ListRefused as refused:
        return None, list(refused.defects)
    return key, list(key.defects)


def _joined(table: Table, lines: Sequence[Line], key: Key) -> bytes:
    arms = [key.numbers[plain(line.code)].word for line in lines]
    rows = [[arm, *cells] for arm, (_row, cells) in zip(arms, table.rows, strict=True)]
    return written([[GROUP, *table.header], *rows]).encode()


@dataclass
class _Reader:
    """Reads row by row, and collects what it cannot read."""

    columns: Columns
    words: ListWords
    already: Mapping[str, Sequence[str]]
    key: Key | None
    defects: list[Defect] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._reached = {key: len(held) for key, held in self.already.items()}
        self._strata = {plain(key): key for key in self.already}

    def line(self, row: int, cells: Sequence[str]) -> Line:
        columns = self.columns
        for cell in cells[columns.width :]:
            if cell and not columns.ignores_more:
                self.defects.append(Defect(_("The row is too long."), row))
                break
        stratum = self._stratum(row, cells)
        return Line(
            row=row,
            stratum=stratum,
            position=self._position(row, cells, stratum),
            arm=self._arm(row, cells),
            code="" if columns.code is None else cells[columns.code],
        )

    def _arm(self, row: int, cells: Sequence[str]) -> str | None:
        columns = self.columns
        if columns.arm is not None:
            return self._meaning(row, columns.arm, cells, self.words.arms)
        if self.key is None or columns.code is None:
            return None
        number = plain(cells[columns.code])
        if told := self.key.numbers.get(number):
            return told.arm
        if number:
            self._refuse(row, columns.code, cells, _("This randomization number is not in the key."))
        return None

    def _stratum(self, row: int, cells: Sequence[str]) -> str | None:
        if self.columns.stratum is not None:
            return self._stratum_by_key(row, cells, self.columns.stratum)
        levels = {
            factor.key: self._meaning(row, self.columns.factors[factor.key], cells, factor.levels)
            for factor in self.words.factors
        }
        return (
            stratum_key({key: level for key, level in levels.items() if level})
            if all(levels.values())
            else None
        )

    def _stratum_by_key(self, row: int, cells: Sequence[str], at: int) -> str | None:
        if stratum := self._strata.get(plain(cells[at])):
            return stratum
        self._refuse(
            row, at, cells, _("“%(cell)s” is not a stratum of the protocol.") % {"cell": shown(cells[at])}
        )
        return None

    def _position(self, row: int, cells: Sequence[str], stratum: str | None) -> int | None:
        """In REDCap's format the rows are counted; a row without a stratum has no position there."""
        at = self.columns.position
        if at is None:
            if stratum is None:
                return None
            self._reached[stratum] += 1
            return self._reached[stratum]
        cell = cells[at]
        if cell.isascii() and cell.isdigit() and len(cell) < 10 and 1 <= int(cell) <= MOST_PLACES:
            return int(cell)
        self._refuse(row, at, cells, _("“%(cell)s” is not a position.") % {"cell": shown(cell)})
        return None

    def _meaning(self, row: int, at: int, cells: Sequence[str], words: Words) -> str | None:
        meant = meaning(cells[at], words)
        if meant is None:
            self._refuse(row, at, cells, why_not(cells[at], words))
        return meant

    def _refuse(self, row: int, at: int, cells: Sequence[str], what: str) -> None:
        if is_spoiled(cells[at]):
            return
        self.defects.append(
            Defect(what if cells[at] else _("The cell is empty."), row, self.columns.names[at])
        )
