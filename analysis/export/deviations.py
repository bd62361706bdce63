"""`deviations.csv`: one row for each protocol deviation at randomization. Its description never leaves."""

from collections import defaultdict
from collections.abc import Iterator

from analysis.export.participants import PARTICIPANT
from analysis.export.scope import Scope
from analysis.export.tables import Cell, Column, Table
from randomization.selectors import deviations_in

KINDS = {
    "wrong_stratum": "randomized in the wrong stratum",
    "ineligible": "not eligible after all",
    "wrong_participant": "another participant was meant",
    "not_as_allocated": "got something else than what was allocated",
    "other": "something else",
}


def deviations_table(scope: Scope) -> Table:
    """Participants stay in the arm of `participants.csv`: they are analysed as randomized."""
    columns = (
        PARTICIPANT,
        Column("deviation", "What went wrong at randomization", "code", KINDS),
        Column("recorded_on", "Day on which it was recorded", "date"),
    )
    return Table("deviations.csv", columns, _rows(scope))


def _rows(scope: Scope) -> Iterator[list[Cell]]:
    recorded = defaultdict(list)
    for owner, kind, at in deviations_in(scope.trial):
        recorded[owner].append((kind, scope.day(at)))
    for batch in scope.batches():
        for participant in batch:
            for kind, day in recorded[participant.pk]:
                yield [participant.study_id, kind, day]
