"""One row of an imported list, as far as it could be read."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """None stands for what was reported as a defect."""

    row: int
    stratum: str | None
    position: int | None
    arm: str | None
    code: str
