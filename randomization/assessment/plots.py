"""The pictures of a design report: SVG for the page, PNG for the document. Same answer, same bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal

from trial.core.numbers import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#1c5a43", "#b4541a")
DASHES = ((5, 2), (1, 1.5))
PAPER, INK, GRID = "#fffdf8", "#26241f", "#e2ddd1"
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "tilbake",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


@dataclass(frozen=True)
class Course:
    """One design's overall imbalance as participants come."""

    name: str
    points: Sequence[tuple[int, float, float]]
    """(participants, mean, 95th percentile)"""


@dataclass(frozen=True)
class Bars:
    """One guesser: the shares of correct and of certain guesses."""

    name: str
    number: int
    """Which design."""
    correct: float
    certain: float


def draw_courses(
    courses: Sequence[Course], *, across: str, up: str, mean: str, high: str, form: Literal["svg", "png"]
) -> bytes:
    """Lines: the mean drawn through, the 95th percentile dashed."""
    figure, axes = _paper(3.6)
    for course, colour, dashes in zip(courses, COLOURS, DASHES, strict=False):
        came = [point[0] for point in course.points]
        axes.plot(came, [point[1] for point in course.points], color=colour, label=f"{course.name}: {mean}")
        dashed = [point[2] for point in course.points]
        axes.plot(came, dashed, color=colour, linestyle=(0, dashes), label=f"{course.name}: {high}")
    axes.set(xlabel=across, ylabel=up)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", color=GRID, linewidth=0.6)
    figure.legend(frameon=False, loc="outside lower left", fontsize=9)
    return _file(figure, form)


def draw_guesses(bars: Sequence[Bars], *, correct: str, certain: str, form: Literal["svg", "png"]) -> bytes:
    """One bar for each guesser: how many guesses are correct, and the part of them that is certain."""
    figure, axes = _paper(0.9 + 0.75 * len(bars))
    for row, bar in enumerate(reversed(bars)):
        colour = COLOURS[bar.number % len(COLOURS)]
        axes.barh(row, bar.correct, height=0.42, color=colour, alpha=0.35)
        axes.barh(row, bar.certain, height=0.42, color=colour)
        axes.text(bar.correct + 0.01, row, percent(bar.correct), va="center")
        axes.text(0, row + 0.3, bar.name, va="bottom", fontsize=9)
    axes.set(xlim=(0, 1), ylim=(-0.5, len(bars) - 0.2), yticks=[])
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_formatter(lambda value, _position: percent(value))
    axes.grid(axis="x", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel(f"{correct} ({certain})")
    return _file(figure, form)


def _paper(height: float) -> "tuple[Figure, Axes]":
    """Narrow, so that its letters can be read on a phone."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(STYLE):
        figure = Figure(figsize=(5.4, height), layout="constrained", facecolor=PAPER)
        axes = figure.subplots()
    axes.set_facecolor(PAPER)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _file(figure: "Figure", form: Literal["svg", "png"]) -> bytes:
    from matplotlib import rc_context

    buffer = BytesIO()
    metadata: dict[str, Any] = {"Date": None, "Creator": None} if form == "svg" else {"Software": None}
    with rc_context(STYLE):
        figure.savefig(buffer, format=form, dpi=200, metadata=metadata, facecolor=PAPER)
    return buffer.getvalue()
