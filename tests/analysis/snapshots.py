"""Snapshots made by hand, so that the analysis can be tested on numbers that one can count."""

from pathlib import Path

from analysis.export.archive import write_archive
from analysis.export.tables import Column, Table
from analysis.statistics.snapshot_file import FORMAT

PLAN = {
    "rule_version": "1",
    "week": 8,
    "working": {"consecutive_weeks": 4, "maximum_days": 0},
    "sustained": {"consecutive_weeks": 4, "maximum_days": 0},
    "confidence": 0.95,
    "missing": "Weeks without an answer are missing.",
    "clustered": False,
    "reference_arm": None,
}


def make(path: Path, people: dict[str, tuple[str, str]], *, masked: bool = True, **plan) -> Path:
    """A snapshot of `people`: study id to (arm, weeks), where weeks reads "5 0 . ~": days, no answer,
    not yet due. Those whose names share the last letter take part at the same site."""
    participants = [(name, name[-1], arm) for name, (arm, _) in sorted(people.items())]
    weekly = [
        (name, number, None if word in ".~" else float(word), {".": "silent", "~": "not_due"}.get(word, ""))
        for name, (_, weeks) in sorted(people.items())
        for number, word in enumerate(weeks.split(), start=1)
    ]
    write_archive(
        path,
        [
            Table("participants.csv", columns("participant", "site", "arm"), participants),
            Table("weekly.csv", columns("participant", "week", "days", "missing"), weekly),
        ],
        {
            "format": FORMAT,
            "trial": "little",
            "made_at": "2026-03-01T02:15:00+00:00",
            "protocol": {"version": "1", "sha256": "0" * 64},
            "code_version": "test",
            "masked": masked,
            "arms": sorted({arm for arm, _ in people.values() if arm} or {"A", "B"}),
            "plan": {**PLAN, **plan},
        },
    )
    return path


def columns(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, name, "text") for name in names)
