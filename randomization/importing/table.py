"""From the bytes of a CSV file to rows of cells."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from randomization.importing.defects import Defect, ListRefused

_WORKBOOK = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How the files of Excel and LibreOffice begin."""
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_START = 40
"""So many bytes show that every other one is zero: UTF-16 without the mark that begins it."""
_SPOILED = "\ufffd"
"""What stands for bytes that are no UTF-8."""
DELIMITERS = ",;\t"


@dataclass(frozen=True)
class Table:
    """Cells without surrounding spaces; every row is as long as the header, or longer."""

    header: Sequence[str]
    rows: Sequence[tuple[int, Sequence[str]]]
    """Number, as a spreadsheet counts, and cells."""
    defects: Sequence[Defect]
    """Empty and short rows, and those that are not in UTF-8."""


def table_of(raw: bytes) -> Table:
    """With commas, semicolons (Excel in Norway and Sweden) or tabs. Raises ListRefused for anything else."""
    rows = list(enumerate(_cells(_text(raw)), start=1))
    while rows and not any(rows[-1][1]):
        rows.pop()
    if not rows or not any(rows[0][1]):
        raise ListRefused([Defect(_("The file is empty, or begins with an empty row."))])
    what = _("Not written in UTF-8, but in an older encoding. Save the file as “CSV UTF-8”.")
    header, kept = rows[0][1], []
    defects = [Defect(what, number) for number, cells in rows if any(map(is_spoiled, cells))]
    if any(map(is_spoiled, header)):
        raise ListRefused(defects)
    named = max(at for at, name in enumerate(header, start=1) if name)
    for number, cells in rows[1:]:
        if not any(cells):
            defects.append(Defect(_("The row is empty."), number))
            continue
        if len(cells) < named:
            defects.append(Defect(_("The row is too short."), number))
        kept.append((number, [*cells, *[""] * (len(header) - len(cells))]))
    if not kept:
        raise ListRefused([*defects, Defect(_("The list has no places."))])
    return Table(header, kept, defects)


def is_spoiled(cell: str) -> bool:
    """Whether it is not in UTF-8: the table's defects name its row, and nothing more is told of it."""
    return _SPOILED in cell


def written(rows: Iterable[Iterable[str]]) -> str:
    """Cells as CSV, which `table_of` reads back."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def _text(raw: bytes) -> str:
    if raw.startswith(_WORKBOOK):
        raise ListRefused([Defect(_("This is a workbook, not a CSV file. Save the sheet as “CSV UTF-8”."))])
    if raw.startswith(_UTF_16) or (b"\0" in raw and not (any(raw[:_START:2]) and any(raw[1:_START:2]))):
        raise ListRefused([Defect(_("The file is written in UTF-16. Save it as “CSV UTF-8”."))])
    if b"\0" in raw:
        raise ListRefused([Defect(_("This is not a text file. Save the list as “CSV UTF-8”."))])
    return raw.decode("utf-8-sig", errors="replace")


def _cells(text: str) -> list[list[str]]:
    first = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    try:
        rows.extend([cell.strip() for cell in cells] for cells in reader)
    except csv.Error:
        what = _("A quotation mark is opened and not closed, or stands where it cannot.")
        raise ListRefused([Defect(what, len(rows) + 1)]) from None
    return rows
