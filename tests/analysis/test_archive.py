"""The zip and its cells."""

from datetime import date
from decimal import Decimal

import pytest

from analysis.export.archive import write_archive
from analysis.export.tables import Table, as_text
from analysis.statistics.snapshot_file import FORMAT, open_snapshot
from tests.analysis.snapshots import columns


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, ""),
        (True, "1"),
        (False, "0"),
        (Decimal("2.50"), "2.5"),
        (Decimal("10"), "10"),
        (-3, "-3"),
        (0.5, "0.5"),
        (12.0, "12"),
        (100.0, "100"),
        (date(2026, 3, 1), "2026-03-01"),
        ("plain", "plain"),
        ("=SUM(A1)", "'=SUM(A1)"),
        ("-1+1", "'-1+1"),
        ("@now", "'@now"),
    ],
)
def test_cells_are_iso_and_never_formulas(cell, text):
    assert as_text(cell) == text


def table(rows):
    return Table("things.csv", columns("name", "æøå"), rows)


def test_the_same_rows_give_the_same_bytes_and_the_codebook_names_every_column(tmp_path):
    first = write_archive(tmp_path / "1.zip", [table([("a", 'b "c"\nd')])], {"format": FORMAT})
    second = write_archive(tmp_path / "2.zip", [table([("a", 'b "c"\nd')])], {"format": FORMAT})
    assert first == second
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()
    with open_snapshot(tmp_path / "1.zip") as snapshot:
        assert list(snapshot.rows("things.csv")) == [{"name": "a", "æøå": 'b "c"\nd'}]
        explained = {(row["file"], row["column"]) for row in snapshot.rows("codebook.csv")}
        assert snapshot.sha256 == first.sha256
    assert {("things.csv", "æøå"), ("codebook.csv", "codes")} <= explained


def test_two_columns_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two columns name"):
        Table("things.csv", columns("name", "name"), [])


def test_an_error_in_the_rows_leaves_no_file(tmp_path):
    def broken():
        yield ("a", "b")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_archive(tmp_path / "s.zip", [table(broken())], {})
    assert list(tmp_path.iterdir()) == []
