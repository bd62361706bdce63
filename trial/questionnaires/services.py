"""The acts on questionnaires: save a page of answers, send a questionnaire in."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from trial.people.models import Participant
from trial.protocol.schema import Instrument
from trial.protocol.selectors import study_of
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
    Raises AlreadySubmitted after the questionnaire was sent in, KeyError for an item that it does not have.
    """
    described = study_of(participant.protocol_version).instruments[instrument]
    items = {item.key for item in described.items}
    if unknown := {*answers, *(asked or ())} - items:
        raise KeyError(f"{instrument} has no items {sorted(unknown)}")
    response_set = _locked(participant, described, occasion, language, now)
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
    response_set.answers.filter(item__in=set(asked or answers) - given.keys()).delete()
    return response_set


def _locked(
    participant: Participant, instrument: Instrument, occasion: str, language: str, now: datetime
) -> ResponseSet:
    """The response set, made where there is none, locked so that two tabs save one after the other."""
    ResponseSet.objects.bulk_create(
        [
            ResponseSet(
                participant=participant,
                protocol_version_id=participant.protocol_version_id,
                instrument=instrument.key,
                occasion=occasion,
                language=language,
                started_at=now,
            )
        ],
        ignore_conflicts=True,
    )
    return ResponseSet.objects.select_for_update().get(
        participant=participant, instrument=instrument.key, occasion=occasion
    )


@transaction.atomic
def submit(*, participant: Participant, occasion: str, language: str, now: datetime) -> None:
    """Send in all that is answered at an occasion; sending in again changes nothing.

    Answers to questions that later answers made superfluous are dropped. Raises Unanswered when a question
    that needs an answer has none.
    """
    missing = []
    for instrument in study_of(participant.protocol_version).instruments_at(occasion):
        response_set = _locked(participant, instrument, occasion, language, now)
        if response_set.submitted_at:
            continue
        answers = dict(response_set.answers.values_list("item", "value"))
        kept = kept_answers(instrument.items, answers)
        missing += unanswered(instrument.items, kept)
        response_set.answers.exclude(item__in=kept).delete()
        response_set.submitted_at = now
        response_set.save(update_fields=["submitted_at"])
    if missing:
        raise Unanswered(_("Some questions are not answered yet."), missing)
