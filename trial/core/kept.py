"""Secrets of a machine that was given none: made once, kept readable by their owner only."""

import os
import secrets
from pathlib import Path


def kept_secret(path: Path) -> str:
    """The random secret in `path`, made at the first call (64 characters, file mode 0600)."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_suffix(f".{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
        try:
            os.link(draft, path)  # of two processes that start at once, one makes it
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text()
