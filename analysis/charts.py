"""Line pictures as numbers for a template: SVG coordinates already written as text, the same in every
language."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, pairwise
from math import ceil

WIDTH, HEIGHT = 480, 240
LEFT, RIGHT, TOP, BOTTOM = 60, 470, 12, 206
"""The box of the plot within the picture."""

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Mark:
    """A label on an axis and where it stands."""

    at: str
    label: str


@dataclass(frozen=True)
class Line:
    """One line: its name, and the `points` of an SVG polyline."""

    name: str
    points: str


@dataclass(frozen=True)
class Chart:
    """A picture of `WIDTH` × `HEIGHT` units."""

    lines: tuple[Line, ...]
    across: tuple[Mark, ...]
    up: tuple[Mark, ...]
    goal: str = ""
    """Height of the dashed line; empty for none."""
    tail: str = ""
    """The `points` of a dotted polyline, where there are too few people to tell; empty for none."""


def chart(
    lines: Sequence[tuple[str, Points]],
    *,
    end: float,
    top: float,
    across: Sequence[tuple[float, str]],
    up: Sequence[tuple[float, str]],
    goal: float | None = None,
    tail: Points = (),
) -> Chart:
    """Lines over [0, end] × [0, top], with labels on both axes and perhaps a goal to reach or a tail."""

    def x(value: float) -> str:
        return f"{LEFT + (RIGHT - LEFT) * value / end:.1f}"

    def y(value: float) -> str:
        return f"{BOTTOM - (BOTTOM - TOP) * value / top:.1f}"

    def polyline(points: Points) -> str:
        return " ".join(f"{x(a)},{y(b)}" for a, b in points)

    return Chart(
        lines=tuple(Line(name, polyline(points)) for name, points in lines),
        across=tuple(Mark(x(value), label) for value, label in across),
        up=tuple(Mark(y(value), label) for value, label in up),
        goal="" if goal is None else y(goal),
        tail=polyline(tail),
    )


def steps(points: Points) -> list[tuple[float, float]]:
    """The same points as a staircase: level until the next one."""
    stairs = list(points[:1])
    for (_, before), (at, after) in pairwise(points):
        stairs += [(at, before), (at, after)]
    return stairs


def round_marks(top: float, *, about: int = 4) -> list[int]:
    """Whole numbers from 0 to `top` or just above, about so many, in steps of 1, 2, 5, 10, 20, 50 …"""
    step = next(
        step for power in count() for step in (10**power, 2 * 10**power, 5 * 10**power) if step * about >= top
    )
    return list(range(0, max(ceil(top / step), 1) * step + 1, step))
