"""A folder on the server's disk that somebody names in a command."""

import shutil
from pathlib import Path
from tempfile import TemporaryFile

from analysis.errors import FolderRefused


def prepare(folder: Path) -> None:
    """Make the folder, for its owner only, and try whether a file can be written there.

    Raises FolderRefused with one sentence for the terminal.
    """
    there = next((path for path in (folder, *folder.parents) if path.exists()), folder)
    if there.exists() and not there.is_dir():
        raise FolderRefused(f"{there} is a file; name a folder.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        raise FolderRefused(f"Nothing can be written to the folder {folder}: {why}. Name another.") from error


def copy_into(folder: Path, file: Path) -> None:
    """Copy a file into the folder, readable by its owner only."""
    copy = folder / file.name
    copy.touch(mode=0o600)
    copy.chmod(0o600)
    shutil.copyfile(file, copy)
