"""A file of the snapshot: its columns, each with a line in the codebook, and its rows as they stream by."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

Cell = str | int | float | Decimal | date | None
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the start of a formula."""
CODEBOOK = "codebook.csv"


@dataclass(frozen=True)
class Column:
    """One column.

    `type` is text, code, codes (several, parted by `;`), integer, number, date or yes_no (1 and 0).
    """

    name: str
    label: str
    type: str
    codes: Mapping[str, str] = field(default_factory=dict)
    missing: str = ""
    """Why a cell may be empty; nothing where none is."""
    unit: str = ""
    range: str = ""
    """The smallest and the largest number that may stand there."""


@dataclass(frozen=True)
class Table:
    """One CSV file. `rows` are read once, in the order in which they shall stand."""

    name: str
    columns: tuple[Column, ...]
    rows: Iterable[Sequence[Cell]]

    def __post_init__(self) -> None:
        """Raises ValueError for two columns of one name: an item of the protocol is named as one of ours."""
        if twice := {name for name in self.header() if self.header().count(name) > 1}:
            raise ValueError(f"{self.name} would have two columns {', '.join(sorted(twice))}")

    def header(self) -> list[str]:
        return [column.name for column in self.columns]


def as_text(cell: Cell) -> str:
    """A cell as it stands in the file: ISO dates, 1 and 0, no trailing zeros, nothing for None.

    Text that a spreadsheet would run as a formula gets an apostrophe in front; numbers never do.
    """
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "1" if cell else "0"
    if isinstance(cell, Decimal | float):
        return f"{Decimal(str(cell)).normalize():f}"
    if isinstance(cell, str):
        return f"'{cell}" if cell.startswith(FORMULA) else cell
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def range_of(low: Decimal | None, high: Decimal | None) -> str:
    """What may stand between two ends, either of which may be open."""
    if low is None:
        return "" if high is None else f"{as_text(high)} or less"
    return f"{as_text(low)} or more" if high is None else f"{as_text(low)} to {as_text(high)}"


def codebook_of(tables: Iterable[Table]) -> Table:
    """The table that explains every column of every file, itself included."""
    columns = (
        Column("file", "File in the snapshot", "text"),
        Column("column", "Column of that file", "text"),
        Column("label", "What it holds; for an item, the question in the trial's own language", "text"),
        Column(
            "type", "How to read it", "code",
            {
                "text": "text",
                "code": "one of the codes",
                "codes": "any number of the codes, parted by ;",
                "integer": "whole number",
                "number": "number with a decimal point",
                "date": "YYYY-MM-DD in the trial's time zone",
                "yes_no": "1 yes, 0 no",
            },
        ),
        Column("unit", "Unit", "text", missing="has no unit"),
        Column("range", "The smallest and the largest number", "text", missing="has no range"),
        Column("codes", "The codes, as code = meaning, parted by |", "text", missing="has no codes"),
        Column("missing", "What an empty cell means", "text", missing="is never empty"),
    )  # fmt: skip
    own = Table(CODEBOOK, columns, ())
    return Table(CODEBOOK, columns, _explained([*tables, own]))


def _explained(tables: Iterable[Table]) -> Iterator[list[Cell]]:
    for table in tables:
        for column in table.columns:
            codes = " | ".join(f"{code} = {meaning}" for code, meaning in column.codes.items())
            head = [table.name, column.name, column.label, column.type]
            yield [*head, column.unit, column.range, codes, column.missing]
