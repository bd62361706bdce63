#!/usr/bin/env python
"""Django's command line for Tilbake."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

WITHOUT_SERVERS = {"check", "collectstatic", "makemessages", "help", "--help", "version", "--version"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "trial.config.settings")
    from django.core.management import execute_from_command_line

    with _servers():
        execute_from_command_line(sys.argv)


@contextmanager
def _servers() -> Iterator[None]:
    """Outside production, a command brings the servers that the environment does not name."""
    from trial.config.environment import PRODUCTION

    if PRODUCTION or WITHOUT_SERVERS & set(sys.argv[1:2]):
        yield
        return
    from trial.config.demo import only_one
    from trial.config.embedded import StartError, mark_this_process, provide

    var = Path(os.environ.get("TILBAKE_VAR", Path(__file__).resolve().parent / "var"))
    is_demo = sys.argv[1:2] == ["demo"] and "--welcome" not in sys.argv
    try:
        with ExitStack() as stack:
            if is_demo:
                mark_this_process()
                stack.enter_context(only_one(var))
            stack.enter_context(provide(var, redis=is_demo))
            yield
    except StartError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
