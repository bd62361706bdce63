"""`responses.csv` (one row per answer), `eligibility.csv` and one wide file per instrument."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from analysis.export.items import (
    Answers,
    cells_of,
    columns_of,
    leaves,
    long_value,
    result_cells,
    result_columns,
)
from analysis.export.participants import PARTICIPANT
from analysis.export.scope import Scope
from analysis.export.tables import Cell, Column, Table
from screening.models import Attempt
from trial.people.models import Participant
from trial.protocol.schema import Instrument, Item
from trial.protocol.selectors import study_of
from trial.questionnaires.models import Answer, ResponseSet
from trial.questionnaires.scoring import results

ELIGIBILITY, SCREENING = "eligibility", "screening"
"""What stands in `responses.csv` for the eligibility questions and for when they were asked."""


def response_tables(scope: Scope) -> Iterator[Table]:
    yield _long(scope)
    yield _eligibility(scope)
    for instrument in scope.instruments().values():
        yield _wide(scope, instrument)


def _long(scope: Scope) -> Table:
    instruments = {ELIGIBILITY: "Eligibility questions"} | {
        key: instrument.title.in_(scope.language) for key, instrument in scope.instruments().items()
    }
    columns = (
        PARTICIPANT,
        Column("occasion", "When it was asked", "code", {SCREENING: "before consent", **scope.occasions()}),
        Column("instrument", "Questionnaire", "code", instruments),
        Column("version", "Version of the questionnaire, or of the protocol for eligibility", "text"),
        Column("item", "Question; its own file explains it", "text"),
        Column("value", "Answer; several codes are parted by ;", "text"),
        Column("answered_on", "Day of the answer", "date"),
    )
    return Table("responses.csv", columns, _long_rows(scope))


def _long_rows(scope: Scope) -> Iterator[list[Cell]]:
    eligibility = _leaving(scope, scope.eligibility_items())
    items = {key: _leaving(scope, scope.items_of(key)) for key in scope.instruments()}
    for batch in scope.batches():
        attempts = _attempts(batch)
        sets = _response_sets(scope, batch)
        for participant in batch:
            if attempt := attempts.get(participant.pk):
                version, day = attempt.protocol_version.version, scope.day(attempt.decided_at)
                for item, value in _answered(eligibility, attempt.answers):
                    yield [participant.study_id, SCREENING, ELIGIBILITY, version, item.key, value, day]
            for answered, answers, days in sets[participant.pk]:
                version = study_of(answered.protocol_version).instruments[answered.instrument].version
                head = [participant.study_id, answered.occasion, answered.instrument, version]
                for item, value in _answered(items[answered.instrument], answers):
                    yield [*head, item.key, value, days[item.key]]


def _eligibility(scope: Scope) -> Table:
    items = _leaving(scope, scope.eligibility_items())
    columns = (
        PARTICIPANT,
        Column("protocol_version", "Protocol version of the questions", "text"),
        Column("answered_on", "Day of the answers", "date"),
        *_item_columns(scope, items),
    )
    return Table("eligibility.csv", columns, _eligibility_rows(scope, items))


def _eligibility_rows(scope: Scope, items: list[Item]) -> Iterator[list[Cell]]:
    for batch in scope.batches():
        attempts = _attempts(batch)
        for participant in batch:
            if attempt := attempts.get(participant.pk):
                head = [participant.study_id, attempt.protocol_version.version, scope.day(attempt.decided_at)]
                yield [*head, *_item_cells(items, attempt.answers)]


def _wide(scope: Scope, instrument: Instrument) -> Table:
    items = _leaving(scope, scope.items_of(instrument.key))
    columns = (
        PARTICIPANT,
        Column("occasion", "When it was asked", "code", scope.occasions()),
        Column("version", "Version of the questionnaire", "text"),
        Column("language", "Language of the questions", "text"),
        Column("submitted_on", "Day it was handed in", "date", missing="begun, not handed in"),
        *_item_columns(scope, items),
        *result_columns(instrument, scope.language),
    )
    return Table(f"instruments/{instrument.key}.csv", columns, _wide_rows(scope, instrument, items))


def _wide_rows(scope: Scope, instrument: Instrument, items: list[Item]) -> Iterator[list[Cell]]:
    for batch in scope.batches():
        sets = _response_sets(scope, batch, instrument=instrument.key)
        for participant in batch:
            for answered, answers, _ in sets[participant.pk]:
                asked = study_of(answered.protocol_version).instruments[instrument.key]
                found = results(asked, answers)
                yield [
                    participant.study_id,
                    answered.occasion,
                    asked.version,
                    answered.language,
                    scope.day(answered.submitted_at),
                    *_item_cells(items, answers),
                    *result_cells(instrument, found),
                ]


def _leaving(scope: Scope, items: Iterable[Item]) -> list[Item]:
    return [item for item in items if leaves(item, scope.protocol)]


def _item_columns(scope: Scope, items: Iterable[Item]) -> Iterator[Column]:
    for item in items:
        yield from columns_of(item, scope.language)


def _item_cells(items: Iterable[Item], answers: Answers) -> Iterator[Cell]:
    for item in items:
        yield from cells_of(item, answers)


def _answered(items: Iterable[Item], answers: Answers) -> Iterator[tuple[Item, Cell]]:
    for item in items:
        if item.key in answers:
            yield item, long_value(item, answers[item.key])


def _attempts(batch: list[Participant]) -> dict[int, Attempt]:
    attempts = Attempt.objects.filter(participant__in=batch).select_related("protocol_version")
    attempts = attempts.defer("protocol_version__source", "protocol_version__instruments")
    return {attempt.participant_id: attempt for attempt in attempts if attempt.participant_id}


Answered = tuple[ResponseSet, dict[str, Any], dict[str, Cell]]
"""A response set, its answers, and the day of each."""


def _response_sets(scope: Scope, batch: list[Participant], **only: str) -> dict[int, list[Answered]]:
    """What each of the batch answered, in the order of the occasions."""
    values: dict[int, dict[str, Any]] = defaultdict(dict)
    days: dict[int, dict[str, Cell]] = defaultdict(dict)
    sets = ResponseSet.objects.filter(participant__in=batch, **only)
    answers = Answer.objects.filter(response_set__in=sets.values("pk"))
    for response_set, item, value, at in answers.values_list("response_set", "item", "value", "answered_at"):
        values[response_set][item], days[response_set][item] = value, scope.day(at)
    order = {occasion: place for place, occasion in enumerate(scope.occasions())}
    found: dict[int, list[Answered]] = defaultdict(list)
    described = sets.select_related("protocol_version")
    described = described.defer("protocol_version__source", "protocol_version__instruments")
    for one in sorted(described, key=lambda one: (order.get(one.occasion, len(order)), one.instrument)):
        found[one.participant_id].append((one, values[one.pk], days[one.pk]))
    return found
