"""Which code runs: stamped into every snapshot."""

import os
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def code_version() -> str:
    """`CODE_VERSION` from the environment, else the commit ("-dirty" with changes), else the release."""
    return os.environ.get("CODE_VERSION") or _commit() or _release()


def _commit() -> str:
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude", "*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _release() -> str:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
