"""What happened in a rehearsal, as numbers and as text."""

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from expertteam.models import Advice, Case, Meeting, Note
from followup.models import WeeklyAnswer
from followup.selectors import missing_by_reason, response_rates
from randomization.selectors import allocated_participants
from screening.selectors import consort_counts
from trial.audit.models import AuditEvent
from trial.messaging.models import Inbound, Message, State
from trial.messaging.selectors import unaccounted
from trial.protocol.models import Trial
from trial.protocol.selectors import active_protocol


@dataclass(frozen=True)
class Story:
    """Counts per stage of one rehearsed trial; `seconds` is wall-clock time per stage.

    Of screening and questionnaires, which a second process sees to, it is how long the others waited.
    """

    trial: str
    participants: int
    weeks: int
    seed: int
    consort: dict[str, Any]
    messages: dict[str, int]
    replies: int
    weekly_answers: int
    response_rate: float
    missing_weeks: dict[str, int]
    expert_team: dict[str, int]
    """What the teams did; empty where the protocol has none."""
    data_sha256: str
    analysis: list[dict[str, Any]]
    seconds: dict[str, float]
    changes: int
    """Rows written, changed or deleted, each in the audit trail."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def as_text(self) -> str:
        """A page for a terminal."""
        parts = [
            f"{self.trial}: {self.consort['consented']} consented, {self.participants} randomized; "
            f"{self.weeks} weeks, seed {self.seed}",
            _section("People", self.consort),
            _section("Messages", self.messages),
            _section(
                "Replies",
                {
                    "received": self.replies,
                    "weekly answers": self.weekly_answers,
                    "response rate": f"{self.response_rate:.1%}",
                },
            ),
            _section("Weeks without an answer", self.missing_weeks),
            *([_section("Expert team", self.expert_team)] if self.expert_team else []),
            _section("First analysis", {_title(line): _estimate(line) for line in self.analysis}),
            _section("Seconds", {name: f"{seconds:.1f}" for name, seconds in self.seconds.items()}),
            f"{self.changes} changes in the audit trail",
            f"Data set SHA-256  {self.data_sha256}",
        ]
        return "\n\n".join(parts)


def _section(title: str, rows: dict[str, Any]) -> str:
    flat = {
        name: value
        for key, count in rows.items()
        for name, value in _flat(key.replace("_", " "), count).items()
    }
    width = max(map(len, flat), default=0)
    lines = [f"  {name:<{width}}  {value:>10}" for name, value in flat.items()]
    return "\n".join([title, *(lines or ["  none"])])


def _flat(name: str, value: Any) -> dict[str, Any]:
    return {f"- {key}": count for key, count in value.items()} if isinstance(value, dict) else {name: value}


def _title(line: dict[str, Any]) -> str:
    return " ".join(filter(None, (line["outcome"], line["measure"], line["group"]))).replace("_", " ")


def _estimate(line: dict[str, Any]) -> str:
    """A count, or an estimate with its interval and p-value; a dash where something cannot be told."""
    if line["estimate"] is None and line["p"] is None:
        if line["of"] == 0:
            return "nobody has come so far"
        return _number(line["n"], "d") if line["of"] is None else f"{line['n']}/{line['of']}"
    parts = [_number(line["estimate"])] if line["estimate"] is not None else []
    if line["low"] is not None or line["high"] is not None:
        parts.append(f"({_number(line['low'])} to {_number(line['high'])})")
    if line["p"] is not None:
        parts.append(f"p {_number(line['p'])}")
    return " ".join(parts)


def _number(value: float | None, form: str = ".3f") -> str:
    return "–" if value is None else format(value, form)


def _teams(trial: Trial) -> dict[str, int]:
    if active_protocol(trial).expert_team is None:
        return {}
    cases = Case.objects.filter(participant__trial=trial)
    meetings = Meeting.objects.filter(case__in=cases, cancelled_at=None)
    return {
        "cases": cases.count(),
        "meetings planned": meetings.count(),
        "meetings held": meetings.exclude(attendance_at=None).count(),
        "notes": Note.objects.filter(case__in=cases).count(),
        "advice signed": Advice.objects.filter(case__in=cases).exclude(signed_at=None).count(),
    }


def tell(
    *,
    trial: Trial,
    seed: int,
    weeks: int,
    data_sha256: str,
    analysis: list[dict[str, Any]],
    seconds: dict[str, float],
    now: datetime,
) -> Story:
    """Count what stands in the database at `now`."""
    rates = response_rates(trial, now=now)
    asked = sum(rate.asked for rate in rates)
    states = Counter(Message.objects.filter(participant__trial=trial).values_list("state", flat=True))
    return Story(
        trial=trial.slug,
        participants=allocated_participants(trial).count(),
        weeks=weeks,
        seed=seed,
        consort=asdict(consort_counts(trial)) | {"randomized": allocated_participants(trial).count()},
        messages={State(state).value: count for state, count in sorted(states.items())}
        | {"unaccounted": unaccounted(trial, now).count()},
        replies=Inbound.objects.filter(trial=trial).count(),
        weekly_answers=WeeklyAnswer.objects.filter(occasion__participant__trial=trial).count(),
        response_rate=sum(rate.answered for rate in rates) / asked if asked else 0.0,
        missing_weeks={reason.value: count for reason, count in missing_by_reason(trial, now=now).items()},
        expert_team=_teams(trial),
        data_sha256=data_sha256,
        analysis=analysis,
        seconds={name: round(value, 2) for name, value in seconds.items()},
        changes=AuditEvent.objects.count(),
    )
