"""The first analysis as files: `results.csv`, `report.html` and `sustained-return.svg`, the same bytes
each time."""

import csv
from html import escape
from io import StringIO
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.statistics.outcomes import DAYS_OF_A_WEEK
from analysis.statistics.report import SUSTAINED_RETURN, WORK_ABILITY, Group, Line, Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = ("outcome", "measure", "group", "estimate", "low", "high", "p", "n", "of")
COLOURS = ("#1c5a43", "#b4541a", "#3b4d8f", "#6b4d27")
DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), "-.")
TITLES = {WORK_ABILITY: "Work ability at week {week}", SUSTAINED_RETURN: "Time to sustained return to work"}

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #26241f; background: #fbf9f4 }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: .3rem .7rem; border-bottom: 1px solid #e2ddd1; vertical-align: top }
td { white-space: nowrap }
svg { max-width: 100%; height: auto; background: #fff; margin-top: 2rem }
h1, h2 { line-height: 1.2 }
h2 { margin-top: 2.5rem }
.quiet { color: #595650; overflow-wrap: anywhere }
"""


def write(report: Report, directory: Path) -> list[Path]:
    """Write the three files into `directory` and return their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    plot = as_svg(report)
    files = {
        "results.csv": as_csv(report),
        "report.html": as_html(report, plot),
        "sustained-return.svg": plot,
    }
    for name, text in files.items():
        (directory / name).write_text(text, encoding="utf-8", newline="")
    return [directory / name for name in files]


def as_csv(report: Report) -> str:
    """Every line of the analysis with six significant digits; empty where there is no such number."""
    buffer = StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for line in report.lines:
        writer.writerow(_exact(getattr(line, column)) for column in COLUMNS)
    return buffer.getvalue()


def as_text(report: Report) -> str:
    """The same lines as tables for a terminal: a row per measure, a column per arm."""
    rows: list[str] = []
    for title, lines in _parts(report):
        table = [["", *(_heading(group) for group in _columns(lines))], *_cells(lines)]
        widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
        rows += ["", title, ""]
        rows += [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in table
        ]
    return "\n".join([*_about(report), *rows, "", *_notes(report)])


def as_html(report: Report, plot: str) -> str:
    """One page that stands alone: provenance, tables, plot."""
    title = f"First analysis of {escape(report.manifest['trial'])}"
    parts = [f"<h1>{title}</h1>", *(f'<p class="quiet">{escape(line)}</p>' for line in _about(report))]
    for heading, lines in _parts(report):
        parts += [f"<h2>{escape(heading)}</h2>", _table(lines)]
    parts += [plot[plot.index("<svg") :], *(f"<p>{escape(note)}</p>" for note in _notes(report))]
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style></head>\n<body>\n{chr(10).join(parts)}\n</body>\n</html>\n"
    )


def as_svg(report: Report) -> str:
    """The Kaplan–Meier curves, turned over: the fraction of each arm that has returned, with the numbers
    at risk."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    settings: dict[Any, Any] = {
        "svg.hashsalt": report.sha256,
        "svg.fonttype": "path",
        "font.family": "DejaVu Sans",
        "font.size": 10,
    }
    with mpl.rc_context(settings):
        figure = Figure(figsize=(8, 5.2), layout="constrained")
        axes, below = figure.subplots(2, 1, height_ratios=(5, 0.35 * max(len(report.groups), 1)), sharex=True)
        for group, colour, dashes in zip(report.groups, COLOURS, DASHES, strict=False):
            if group.size:
                _draw(axes, group, colour, dashes, report.plan.confidence)
        end = max(report.weeks, 4)
        ticks = range(0, end + 1, max(4 * round(end / 52), 4))
        axes.set(xlim=(-end / 50, end), ylim=(0, 1), ylabel="Sustained return to work", xticks=list(ticks))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#e2ddd1", linewidth=0.6)
        axes.tick_params(labelbottom=True)
        if axes.lines:
            axes.legend(frameon=False, loc="upper left")
        _numbers_at_risk(below, report.groups, ticks)
        buffer = StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def _draw(axes: "Axes", group: Group, colour: str, dashes: Any, confidence: float) -> None:
    curve = group.curve()
    low, high = curve.band(confidence)
    weeks = [0.0, *((curve.times - 1) / DAYS_OF_A_WEEK), curve.last / DAYS_OF_A_WEEK]
    returned = [0.0, *(1 - curve.survival)]
    axes.step(
        weeks,
        [*returned, returned[-1]],
        where="post",
        color=colour,
        linestyle=dashes,
        label=f"Arm {group.name}",
    )
    if len(low):
        axes.fill_between(
            weeks[1:],
            [*(1 - high), 1 - high[-1]],
            [*(1 - low), 1 - low[-1]],
            step="post",
            color=colour,
            alpha=0.12,
        )


def _numbers_at_risk(axes: "Axes", groups: tuple[Group, ...], ticks: range) -> None:
    axes.set(
        ylim=(-0.5, len(groups) - 0.5), yticks=range(len(groups)), xlabel="Weeks since the start of follow-up"
    )
    axes.set_yticks(range(len(groups)), [f"Arm {group.name}" for group in reversed(groups)])
    axes.set_title("Not yet returned and still followed", loc="left", fontsize=9)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelbottom=False)
    for row, group in enumerate(reversed(groups)):
        for week in ticks:
            waiting = int((group.times > DAYS_OF_A_WEEK * week).sum())
            axes.text(week, row, str(waiting), ha="center", va="center", fontsize=9)


def _parts(report: Report) -> list[tuple[str, list[Line]]]:
    return [
        (TITLES[outcome].format(week=report.plan.week), list(lines))
        for outcome, lines in groupby(report.lines, key=lambda line: line.outcome)
    ]


def _about(report: Report) -> list[str]:
    made, version = report.manifest["made_at"], report.manifest["protocol"]["version"]
    arms = (
        "Arms are masked: the letters are shuffled in every snapshot." if report.masked else "Arms are open."
    )
    return [
        f"Snapshot of {report.manifest['trial']} made {made}, SHA-256 {report.sha256}.",
        f"Protocol version {version}, analysis rules {report.plan.rule_version}, "
        f"code {report.manifest['code_version']}. {arms}",
    ]


def _notes(report: Report) -> list[str]:
    working, sustained = report.plan.working, report.plan.sustained
    notes = [
        f"Working at week {report.plan.week}: each of the {working.consecutive_weeks} weeks that end with it "
        f"is answered with at most {working.maximum_days:g} days of sick leave. Whoever misses an answer "
        "among them is missing, and counted above both ways.",
        f"Sustained return: the first day of the first {sustained.consecutive_weeks} weeks in a row that are "
        f"answered with at most {sustained.maximum_days:g} days. A week without an answer ends a row. "
        "Without a return, a participant is followed to the last answered week, or to where a row still too "
        "short began.",
        report.plan.missing,
        f"Intervals hold {report.plan.confidence:.0%}: Wilson for a proportion, Newcombe for a difference, "
        "Wald on the log scale for ratios, log scale for the median. Kaplan–Meier, log-rank, Cox (Efron).",
    ]
    if report.plan.clustered:
        notes.append(
            "Whole sites were randomized. The hazard ratio's interval allows for people of one site being "
            "alike (Lin and Wei); the other intervals and tests take people as independent, so they are too "
            "narrow where people of one site are alike."
        )
    return notes


def _columns(lines: list[Line]) -> list[str]:
    return list(dict.fromkeys(line.group for line in lines))


def _cells(lines: list[Line]) -> list[list[str]]:
    """A row per measure: its name, then its result in each column, empty where there is none."""
    results = {(line.measure, line.group): _result(line) for line in lines}
    measures = dict.fromkeys(line.measure for line in lines)
    return [
        [measure, *(results.get((measure, group), "") for group in _columns(lines))] for measure in measures
    ]


def _heading(group: str) -> str:
    return group or "all"


def _table(lines: list[Line]) -> str:
    head = "".join(f'<th scope="col">{escape(_heading(group))}</th>' for group in _columns(lines))
    rows = "\n".join(
        f'<tr><th scope="row">{escape(measure)}</th>'
        f"{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
        for measure, *cells in _cells(lines)
    )
    return f"<table>\n<thead><tr><td></td>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>"


def _exact(value: object) -> object:
    return f"{value:.6g}" if isinstance(value, float) else value


def _result(line: Line) -> str:
    """Count, estimate, interval and p-value for reading; what cannot be estimated says so."""
    shown = []
    if line.n is not None:
        count = str(line.n) if line.of is None else f"{line.n} of {line.of}"
        shown.append(count if line.estimate is None else f"{count}:")
    if line.estimate is not None:
        shown.append(_rounded(line.estimate))
    if line.low is not None or line.high is not None:
        low, high = ("not reached" if limit is None else _rounded(limit) for limit in (line.low, line.high))
        shown.append(f"({low} to {high})")
    if line.p is not None:
        shown.append("p < 0.0001" if line.p < 0.0001 else f"p = {line.p:.4f}")
    return " ".join(shown) or "cannot be estimated"


def _rounded(value: float) -> str:
    if abs(value) < 1:
        return f"{value:.3f}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
