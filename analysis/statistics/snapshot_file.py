"""A snapshot as the researcher holds it: one zip, read and verified without the database."""

import csv
import hashlib
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any

FORMAT = "tilbake-snapshot/1"
"""Stands in the manifest; changes when a reader of the files must change."""
MANIFEST = "manifest.json"
CHUNK = 1 << 16


class DamagedSnapshot(ValueError):
    """The file is not a snapshot, or not the one that was made.

    The message is a sentence for the researcher.
    """


class SnapshotFile:
    """An opened snapshot whose every file agrees with its manifest."""

    def __init__(self, archive: zipfile.ZipFile, manifest: dict[str, Any], sha256: str) -> None:
        self._archive = archive
        self.manifest = manifest
        self.sha256 = sha256

    def rows(self, name: str) -> Iterator[dict[str, str]]:
        """The rows of one CSV file, one at a time."""
        with self._archive.open(name) as raw, TextIOWrapper(raw, encoding="utf-8", newline="") as text:
            yield from csv.DictReader(text)


@contextmanager
def open_snapshot(path: Path) -> Iterator[SnapshotFile]:
    """Verify the zip at `path` against its manifest and open it. Raises DamagedSnapshot."""
    with _opened(path) as archive:
        manifest = _manifest(archive, path)
        _verify(archive, manifest, path)
        yield SnapshotFile(archive, manifest, _sha256_of(path))


def manifest_at(path: Path) -> dict[str, Any]:
    """What the zip at `path` says of itself; its other files are not looked at. Raises DamagedSnapshot."""
    with _opened(path) as archive:
        return _manifest(archive, path)


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except FileNotFoundError:
        raise DamagedSnapshot(f"There is no file {path}.") from None
    except IsADirectoryError:
        raise DamagedSnapshot(f"{path} is a folder; name the zip inside it.") from None
    except zipfile.BadZipFile:
        raise DamagedSnapshot(f"{path} is not a whole zip file; download the snapshot again.") from None


def _manifest(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(archive.read(MANIFEST))
    except KeyError:
        raise DamagedSnapshot(f"{path} has no {MANIFEST}, so it is not a snapshot.") from None
    except ValueError:
        raise DamagedSnapshot(
            f"The {MANIFEST} in {path} cannot be read; download the snapshot again."
        ) from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise DamagedSnapshot(f"{path} is not a snapshot of the format {FORMAT}, which is the one read here.")
    return manifest


def _verify(archive: zipfile.ZipFile, manifest: dict[str, Any], path: Path) -> None:
    stored, promised = set(archive.namelist()) - {MANIFEST}, set(manifest["files"])
    if missing := sorted(promised - stored):
        raise DamagedSnapshot(f"{path} lacks {', '.join(missing)}, which its manifest names.")
    if added := sorted(stored - promised):
        raise DamagedSnapshot(f"{path} holds {', '.join(added)}, which its manifest does not name.")
    for name, promise in manifest["files"].items():
        digest = hashlib.sha256()
        with archive.open(name) as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
        if digest.hexdigest() != promise["sha256"]:
            raise DamagedSnapshot(f"{name} in {path} is not the file that was made: its SHA-256 differs.")


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
