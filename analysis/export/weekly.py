"""`weekly.csv`: the ledger, one row for each participant and week, with a number of days or the reason
why not."""

from collections.abc import Iterator

from django.db.models import Choices
from django.utils.translation import override

from analysis.export.participants import PARTICIPANT
from analysis.export.scope import Scope
from analysis.export.tables import Cell, Column, Table, range_of
from followup.ledger import BY_PARTICIPANT, Missing, weeks_of
from followup.models import Skip, WeeklyAnswer
from trial.messaging.models import SkipReason


def weekly_table(scope: Scope) -> Table:
    weekly = scope.protocol.weekly
    columns = (
        PARTICIPANT,
        Column("week", "Week of follow-up, from 1", "integer"),
        Column("starts_on", "First of the seven days that the question is about", "date"),
        Column(
            "days",
            f"Answer to: {weekly.question.in_(scope.language)}",
            "integer" if weekly.step % 1 == 0 else "number",
            missing="the column missing says why",
            unit="days",
            range=range_of(weekly.minimum, weekly.maximum),
        ),
        Column("missing", "Why there is no number of days", "code", _codes(Missing), "there is a number"),
        Column("detail", "Why the question was not sent", "code", _details(), "nothing more is known"),
        Column("source", "Where the number comes from", "code", _codes(WeeklyAnswer.Source), "there is none"),
        Column("answered_on", "Day on which it was said or corrected", "date", missing="there is none"),
        Column("corrected", "Whether an earlier answer for the week was replaced", "yes_no"),
    )
    return Table("weekly.csv", columns, _rows(scope))


def _codes(choices: type[Choices]) -> dict[str, str]:
    """In English, whatever language the server speaks at the moment."""
    with override("en"):
        return {value: str(label) for value, label in choices.choices}


def _details() -> dict[str, str]:
    """Why a question was not sent, but for what lies with the participant, which `missing` says itself."""
    codes = _codes(SkipReason) | _codes(Skip.Reason)
    return {code: meaning for code, meaning in codes.items() if code not in BY_PARTICIPANT}


def _rows(scope: Scope) -> Iterator[list[Cell]]:
    for batch in scope.batches():
        for week in weeks_of([participant.pk for participant in batch], scope.now):
            yield [
                week.study_id,
                week.number,
                week.starts_on,
                week.days,
                week.reason,
                week.detail,
                week.source,
                scope.day(week.answered_at),
                week.corrected,
            ]
