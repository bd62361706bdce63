"""The acts on questionnaires: save a page of answers, send a questionnaire in."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.utils.translation import gettext as _

from trial.core.db import rows
from trial.people.models import Participant
from trial.protocol.schema import Item
from trial.protocol.selectors import study_of
from trial.protocol.services import refuse_locked
from trial.questionnaires.branching import kept_answers, unanswered
from trial.questionnaires.errors import AlreadySubmitted, Unanswered
from trial.questionnaires.models import Answer, ResponseSet

HOLD = """
INSERT INTO questionnaires_responseset
       (participant_id, protocol_version_id, occasion, language, started_at, instrument)
SELECT %(participant)s, %(version)s, %(occasion)s, %(language)s, %(now)s, unnest(%(instruments)s::text[])
    ON CONFLICT (participant_id, instrument, occasion) DO UPDATE SET instrument = excluded.instrument
RETURNING instrument, id, submitted_at
"""
"""The update changes nothing, and the trail shows none; it locks the row that is there, and returns it."""

SAVE = """
INSERT INTO questionnaires_answer (answered_at, response_set_id, item, value)
SELECT %s, * FROM unnest(%s::bigint[], %s::text[], %s::jsonb[])
    ON CONFLICT (response_set_id, item)
    DO UPDATE SET value = excluded.value, answered_at = excluded.answered_at
"""


@transaction.atomic
def save_answers(
    *,
    participant: Participant,
    occasion: str,
    answers: Mapping[str, Any],
    asked: Collection[str] | None = None,
    language: str,
    now: datetime,
) -> None:
    """Save the answers to some items of an occasion's instruments; saving again replaces them.

    `asked` names the items that were on the page: those of them without an answer lose the one they had.
    Raises AlreadySubmitted after the questionnaire was sent in, DataLocked after the trial's data were
    locked, KeyError for an item that nothing asks at this occasion.
    """
    instruments = study_of(participant.protocol_version).instruments_at(occasion)
    instrument_of = {item.key: one.key for one in instruments for item in one.items}
    on_page = {*answers, *(asked or ())}
    held = _held(participant, {instrument_of[item] for item in on_page}, occasion, language, now)
    if any(response_set.submitted_at for response_set in held.values()):
        raise AlreadySubmitted(_("You have already sent in these answers. Thank you."))
    given = {item: value for item, value in answers.items() if value is not None}
    with connection.cursor() as cursor:
        sets = [held[instrument_of[item]].pk for item in given]
        cursor.execute(SAVE, [now, sets, list(given), [json.dumps(value) for value in given.values()]])
    if emptied := set(asked or answers) - given.keys():
        sets = [response_set.pk for response_set in held.values()]
        Answer.objects.filter(response_set__among=sets, item__among=emptied).delete()


class Held(NamedTuple):
    """A response set that nobody else changes until the transaction ends."""

    instrument: str
    pk: int
    submitted_at: datetime | None


def _held(
    participant: Participant, instruments: Iterable[str], occasion: str, language: str, now: datetime
) -> dict[str, Held]:
    """The response sets by instrument, made where there are none, locked so that two tabs save in turn."""
    refuse_locked(participant.trial)
    values = {
        "participant": participant.pk,
        "version": participant.protocol_version_id,
        "occasion": occasion,
        "language": language,
        "now": now,
        "instruments": sorted(instruments),
    }
    return {held.instrument: held for held in rows(Held, HOLD, values)}


@transaction.atomic
def submit(*, participant: Participant, occasion: str, language: str, now: datetime) -> None:
    """Send in all that is answered at an occasion; sending in again changes nothing.

    Answers to questions that later answers made superfluous are dropped. Raises Unanswered when a question
    that needs an answer has none, DataLocked after the trial's data were locked.
    """
    instruments = study_of(participant.protocol_version).instruments_at(occasion)
    held = _held(participant, [one.key for one in instruments], occasion, language, now)
    unsent = {held[one.key].pk: one for one in instruments if held[one.key].submitted_at is None}
    given: dict[int, dict[str, Any]] = defaultdict(dict)
    saved = Answer.objects.filter(response_set__among=unsent).order_by()
    for response_set, item, value in saved.values_list("response_set_id", "item", "value"):
        given[response_set][item] = value
    missing: list[Item] = []
    superfluous: set[str] = set()
    for response_set, instrument in unsent.items():
        kept = kept_answers(instrument.items, given[response_set])
        missing += unanswered(instrument.items, kept)
        superfluous |= given[response_set].keys() - kept.keys()
    if missing:
        raise Unanswered(_("Some questions are not answered yet."), missing)
    if superfluous:
        saved.filter(item__among=superfluous).delete()
    ResponseSet.objects.filter(pk__among=unsent).update(submitted_at=now)
