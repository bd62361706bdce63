"""Zip files that are whole or not there, and the same for the same content."""

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The time of every entry, so that the same data give the same bytes."""


@contextmanager
def new_zip(target: Path) -> Iterator[zipfile.ZipFile]:
    """A zip that appears under its name, for its owner's eyes only, when the block ends well.

    After an error nothing is left. Raises FileExistsError rather than write over something.
    """
    if target.exists():
        raise FileExistsError(f"{target} exists.")
    with NamedTemporaryFile(dir=target.parent, prefix=f"{target.stem}-", suffix=".part") as part:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            yield archive
        part.flush()
        os.fsync(part.fileno())
        os.link(part.name, target)  # refuses, unlike a rename, what was made under the name meanwhile


def entry(name: str) -> zipfile.ZipInfo:
    """The head of one file in a zip."""
    head = zipfile.ZipInfo(name, LONG_AGO)
    head.compress_type = zipfile.ZIP_DEFLATED
    head.external_attr = 0o600 << 16
    return head
