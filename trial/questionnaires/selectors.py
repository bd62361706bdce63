"""What is asked of questionnaires."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from trial.people.models import Participant
from trial.protocol.schema import BASELINE, Instrument
from trial.protocol.selectors import study_of
from trial.questionnaires.models import Answer, ResponseSet
from trial.questionnaires.scoring import results


def instruments_due(participant: Participant, occasion: str) -> list[Instrument]:
    """What the participant answers at an occasion, by the protocol version under which they take part."""
    return study_of(participant.protocol_version).instruments_at(occasion)


def answers_of(participant: Participant, occasion: str) -> dict[str, Any]:
    """The answers so far, by item: item keys are unique in a trial."""
    rows = Answer.objects.filter(response_set__participant=participant, response_set__occasion=occasion)
    return dict(rows.values_list("item", "value"))


def results_of(participant: Participant, occasion: str) -> dict[str, float | str | None]:
    """Scores and groups of all instruments of an occasion, by key."""
    answers = answers_of(participant, occasion)
    found: dict[str, float | str | None] = {}
    for instrument in instruments_due(participant, occasion):
        found |= results(instrument, answers)
    return found


def known_answers(participant: Participant) -> dict[str, Any]:
    """Answers, scores and groups of the baseline, by key, for the protocol's expressions."""
    return {**answers_of(participant, BASELINE), **results_of(participant, BASELINE)}


def submitted_at(participant: Participant, occasion: str) -> datetime | None:
    """When all that is due at an occasion was sent in; None while something is not."""
    sets = ResponseSet.objects.filter(participant=participant, occasion=occasion).order_by()
    sent = dict(sets.values_list("instrument", "submitted_at"))
    times = [sent.get(instrument.key) for instrument in instruments_due(participant, occasion)]
    return max(at for at in times if at) if times and all(times) else None


def sent_in(participant: Participant) -> QuerySet[ResponseSet]:
    """All that the participant sent in, the earliest first, with answers."""
    sets = ResponseSet.objects.filter(participant=participant, submitted_at__isnull=False)
    return sets.select_related("protocol_version").prefetch_related("answers").order_by("submitted_at", "pk")


def is_submitted(participant: Participant, occasion: str) -> bool:
    return submitted_at(participant, occasion) is not None
