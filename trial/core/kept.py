"""Secrets of a machine that was given none: made once, kept readable by their owner only."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from tempfile import mkstemp

from django.core.exceptions import ImproperlyConfigured


def kept_secret(path: Path, make: Callable[[], str] = lambda: secrets.token_urlsafe(48)) -> str:
    """The secret in `path`, made at the first call, whole or not at all; by default 64 random characters.

    Raises ImproperlyConfigured where others can read the file.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, draft = mkstemp(dir=path.parent)  # with mode 0600
        with os.fdopen(descriptor, "w") as file:
            file.write(make())
        try:
            os.link(draft, path)  # of two processes that start at once, one makes it
        except FileExistsError:
            pass
        finally:
            os.unlink(draft)
    if path.stat().st_mode & 0o077:
        raise ImproperlyConfigured(f"Others can read {path}: run `chmod 600 {path}` and start again.")
    return path.read_text()
