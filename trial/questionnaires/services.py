"""The acts on questionnaires: save a page of answers, send a questionnaire in."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from trial.people.models import Participant
from trial.protocol.schema import Item
from trial.protocol.selectors import study_of
from trial.protocol.services import refuse_locked
from trial.questionnaires.branching import kept_answers, unanswered
from trial.questionnaires.errors import AlreadySubmitted, Unanswered
from trial.questionnaires.models import Answer, ResponseSet


@transaction.atomic
def save_answers(
    *,
    participant: Participant,
    instrument: str,
    occasion: str,
    answers: Mapping[str, Any],
    asked: Collection[str] | None = None,
    language: str,
    now: datetime,
) -> ResponseSet:
    """Save the answers to some items of an instrument; saving again replaces them.

    `asked` names the items that were on the page: those of them without an answer lose the one they had.
    Raises AlreadySubmitted after the questionnaire was sent in, DataLocked after the trial's data were
    locked, KeyError for an item that it does not have.
    """
    described = study_of(participant.protocol_version).instruments[instrument]
    items = {item.key for item in described.items}
    if unknown := {*answers, *(asked or ())} - items:
        raise KeyError(f"{instrument} has no items {sorted(unknown)}")
    response_set = _locked(participant, [instrument], occasion, language, now)[instrument]
    if response_set.submitted_at:
        raise AlreadySubmitted(_("You have already sent in these answers. Thank you."))
    given = {key: value for key, value in answers.items() if value is not None}
    Answer.objects.bulk_create(
        [
            Answer(response_set=response_set, item=key, value=value, answered_at=now)
            for key, value in given.items()
        ],
        update_conflicts=True,
        unique_fields=("response_set", "item"),
        update_fields=("value", "answered_at"),
    )
    if emptied := set(asked or answers) - given.keys():
        response_set.answers.filter(item__in=emptied).delete()
    return response_set


def _locked(
    participant: Participant, instruments: Collection[str], occasion: str, language: str, now: datetime
) -> dict[str, ResponseSet]:
    """The response sets by instrument, made where there are none, locked so that two tabs save in turn."""
    refuse_locked(participant.trial)
    wanted = ResponseSet.objects.filter(
        participant=participant, occasion=occasion, instrument__in=instruments
    ).order_by("instrument")
    found = {one.instrument: one for one in wanted.select_for_update()}
    if missing := set(instruments) - found.keys():
        ResponseSet.objects.bulk_create(
            [
                ResponseSet(
                    participant=participant,
                    protocol_version_id=participant.protocol_version_id,
                    instrument=instrument,
                    occasion=occasion,
                    language=language,
                    started_at=now,
                )
                for instrument in sorted(missing)
            ],
            ignore_conflicts=True,
        )
        found = {one.instrument: one for one in wanted.select_for_update()}
    return found


@transaction.atomic
def submit(*, participant: Participant, occasion: str, language: str, now: datetime) -> None:
    """Send in all that is answered at an occasion; sending in again changes nothing.

    Answers to questions that later answers made superfluous are dropped. Raises Unanswered when a question
    that needs an answer has none, DataLocked after the trial's data were locked.
    """
    instruments = study_of(participant.protocol_version).instruments_at(occasion)
    sets = _locked(participant, [one.key for one in instruments], occasion, language, now)
    unsent = {sets[one.key].pk: one for one in instruments if sets[one.key].submitted_at is None}
    given: dict[int, list[Answer]] = defaultdict(list)
    for answer in Answer.objects.filter(response_set__in=unsent):
        given[answer.response_set_id].append(answer)
    missing: list[Item] = []
    superfluous: list[int] = []
    for response_set, instrument in unsent.items():
        answers = given[response_set]
        kept = kept_answers(instrument.items, {one.item: one.value for one in answers})
        missing += unanswered(instrument.items, kept)
        superfluous += [one.pk for one in answers if one.item not in kept]
    if missing:
        raise Unanswered(_("Some questions are not answered yet."), missing)
    if superfluous:
        Answer.objects.filter(pk__in=superfluous).delete()
    ResponseSet.objects.filter(pk__in=unsent).update(submitted_at=now)
