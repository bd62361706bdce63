"""What is wrong with an imported list, row by row."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from trial.core.errors import DomainError

_ROWS = 20
"""So many rows of one and the same defect are named; the others are counted."""
_LINES = 100
_CELL = 30


@dataclass(frozen=True)
class Defect:
    """One thing that is wrong."""

    what: str
    row: int | None = None
    """As a spreadsheet counts: the header is row 1. None where it is the file as a whole."""
    column: str = ""
    in_key: bool = False
    """It is the key's row and column, not the list's."""


class ListRefused(DomainError):
    """The file is not this trial's list; `defects` says all that is wrong with it."""

    def __init__(self, defects: Iterable[Defect]) -> None:
        self.defects = sorted(set(defects), key=lambda one: (one.in_key, one.row or 0, one.column, one.what))
        super().__init__(_("The list cannot be used as it is. Mend the file and choose it again."))

    def lines(self) -> list[str]:
        """For a person: rows with the same defect stand together, and a very long account is cut."""
        same: dict[tuple[bool, str, str], list[int]] = {}
        for defect in self.defects:
            rows = same.setdefault((defect.in_key, defect.column, defect.what), [])
            if defect.row is not None:
                rows.append(defect.row)
        lines = [_line(rows, *what) for what, rows in same.items()]
        rest = len(lines) - _LINES
        if rest <= 0:
            return lines
        more = ngettext("%(count)s more defect.", "%(count)s more defects.", rest) % {"count": rest}
        return [*lines[:_LINES], more]


class ListUnusual(DomainError):
    """The file could be sealed, but is not as planned; `notes` says how, and somebody must want it so."""

    def __init__(self, notes: Sequence[str]) -> None:
        self.notes = notes
        super().__init__(" ".join(notes))


def shown(cell: str) -> str:
    """What stands in a cell, short enough to be quoted."""
    return cell if len(cell) <= _CELL else f"{cell[:_CELL]}…"


def _line(rows: Sequence[int], in_key: bool, column: str, what: str) -> str:
    where = []
    if rows:
        numbers = ", ".join(str(row) for row in rows[:_ROWS])
        if len(rows) > _ROWS:
            numbers = _("%(rows)s and %(count)s more") % {"rows": numbers, "count": len(rows) - _ROWS}
        where.append(ngettext("Row %(rows)s", "Rows %(rows)s", len(rows)) % {"rows": numbers})
    if column:
        where.append(_("column %(column)s") % {"column": shown(column)})
    line = f"{', '.join(where)}: {what}" if where else what
    return _("In the key: %(line)s") % {"line": line} if in_key else line
