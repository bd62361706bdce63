"""The formats that protocol files have been written in, and the steps from each to the next.

A stored version stays as it was loaded. To be read, its tables go through the steps to the present format,
which is the only one that the schema knows. ADR 26 says when a change of the schema needs a step.
"""

from collections.abc import Callable
from typing import Any

Table = dict[str, Any]

Step = Callable[[Table, dict[str, Table]], None]
"""Turns the table of a protocol file and those of its instruments, by key, into the next format, in place."""

STEPS: tuple[Step, ...] = ()
"""From format 1 to 2, from 2 to 3, and so on. A step is never changed or removed: stored versions need it."""


def present() -> int:
    """The format of the schema, the only one that is loaded."""
    return 1 + len(STEPS)


def bring_up(protocol: Table, instruments: dict[str, Table]) -> None:
    """Turn tables of any earlier format into the present one, in place."""
    written = protocol.setdefault("format", 1)  # the first files did not say it
    for step in STEPS[written - 1 :]:
        step(protocol, instruments)
        protocol["format"] += 1
