"""Answers in the trail, as their questionnaire words them."""

from collections.abc import Collection

from django.utils.translation import get_language

from trial.audit.models import AuditEvent
from trial.protocol.schema import Item
from trial.protocol.selectors import study_of
from trial.questionnaires.models import Answer, ResponseSet
from trial.questionnaires.presentation import answer_text

TABLE = Answer._meta.db_table


class AnswersInWords:
    """Tells the questions and answers among some events in the reader's language.

    An answer whose questionnaire is no longer there keeps its stored value.
    """

    def __init__(self, events: Collection[AuditEvent]) -> None:
        self.items = _items({event.row_id for event in events if event.table_name == TABLE})

    def __call__(self, event: AuditEvent, column: str, value: object) -> str | None:
        item = self.items.get(event.row_id) if event.table_name == TABLE else None
        language = get_language() or ""
        if item and column == "item":
            return item.label.in_(language)
        if item and column == "value":
            return answer_text(item, value, language)
        return None


def _items(rows: Collection[str]) -> dict[str, Item]:
    """Answer to question, from the events by which the answers came: their rows may be gone."""
    if not rows:
        return {}
    came = AuditEvent.objects.filter(
        table_name=TABLE, row_id__in=rows, action=AuditEvent.Action.INSERT
    ).values_list("row_id", "new__response_set_id", "new__item")
    responses = ResponseSet.objects.prefetch_related("protocol_version").in_bulk([pk for _, pk, _ in came])
    return {
        row: item
        for row, response, key in came
        if response in responses and (item := _item(responses[response], key))
    }


def _item(response: ResponseSet, key: str) -> Item | None:
    instrument = study_of(response.protocol_version).instruments.get(response.instrument)
    return next((item for item in instrument.items if item.key == key), None) if instrument else None
