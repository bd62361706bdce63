"""One zip from many tables, written row by row: the largest trial needs no more memory than the smallest."""

import csv
import hashlib
import json
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from io import BufferedWriter, RawIOBase, TextIOWrapper
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any

from analysis.export.tables import Table, as_text, codebook_of
from analysis.statistics.snapshot_file import MANIFEST
from trial.core.archives import entry


@dataclass(frozen=True)
class Written:
    """The finished zip: its size in bytes, its SHA-256, and how many rows each file has."""

    size: int
    sha256: str
    rows: dict[str, int]


def write_archive(target: Path, tables: Sequence[Table], manifest: dict[str, Any]) -> Written:
    """Write `tables`, their codebook and `manifest` (with each file's rows and SHA-256 added) to `target`.

    The zip appears under its name only when it is whole; after an error nothing is left.
    """
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with NamedTemporaryFile(
        dir=target.parent, prefix=f"{target.stem}-", suffix=".part", delete=False
    ) as temporary:
        part = Path(temporary.name)
        try:
            files = _write(temporary, tables, manifest)
            temporary.flush()
            os.fsync(temporary.fileno())
            written = Written(
                size=part.stat().st_size,
                sha256=_sha256_of(part),
                rows={name: facts["rows"] for name, facts in files.items()},
            )
            part.replace(target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    return written


def _write(file: IO[bytes], tables: Sequence[Table], manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        files = {table.name: _add(archive, table) for table in [*tables, codebook_of(tables)]}
        text = json.dumps({**manifest, "files": files}, ensure_ascii=False, indent=2, sort_keys=True)
        archive.writestr(entry(MANIFEST), text + "\n")
    return files


def _add(archive: zipfile.ZipFile, table: Table) -> dict[str, Any]:
    rows = 0
    with archive.open(entry(table.name), "w") as file:
        digest = _Digest(file)
        with TextIOWrapper(BufferedWriter(digest), encoding="utf-8", newline="") as text:
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(table.header())
            for row in table.rows:
                writer.writerow([as_text(cell) for cell in row])
                rows += 1
            text.flush()
            return {"rows": rows, "sha256": digest.sha256.hexdigest()}


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Digest(RawIOBase):
    """Passes bytes on and keeps their SHA-256."""

    def __init__(self, beneath: IO[bytes]) -> None:
        self.beneath = beneath
        self.sha256 = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.sha256.update(data)
        return self.beneath.write(data)
