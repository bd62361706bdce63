#!/usr/bin/env python
"""Django's command line for Tilbake."""

import os
import sys
from pathlib import Path

WITHOUT_SERVERS = {"check", "collectstatic", "makemessages", "help", "--help", "version", "--version"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "trial.config.settings")
    from django.core.management import execute_from_command_line

    with _servers():
        execute_from_command_line(sys.argv)


def _servers():
    """Outside production, a command brings the servers that the environment does not name."""
    from contextlib import nullcontext

    if os.environ.get("TILBAKE_ENV") == "production" or WITHOUT_SERVERS & set(sys.argv[1:2]):
        return nullcontext()
    from trial.config.embedded import mark_this_process, provide

    is_demo = sys.argv[1:2] == ["demo"]
    if is_demo:
        mark_this_process()
    var = Path(os.environ.get("TILBAKE_VAR", Path(__file__).resolve().parent / "var"))
    return provide(var, redis=is_demo)


if __name__ == "__main__":
    main()
