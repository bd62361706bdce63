"""Due occasions become messages, or a recorded reason why not."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection, transaction

from followup.models import Occasion, Skip, question_key, reminder_key
from followup.services.batch import TO_REMIND, TO_TURN, Batch, Due
from followup.texts import questionnaire_text, weekly_text
from trial.core.db import rows
from trial.messaging.models import Kind, State
from trial.messaging.services import Draft, enqueue_many
from trial.people.models import Purpose
from trial.people.services import issue_long_codes
from trial.protocol.schema import Text, Weekly

LOOK_AGAIN = timedelta(hours=1)
"""Where the question itself still waits to be sent."""

PAST = """
SELECT occasion.id, question.state, question.sent_at,
       EXISTS (SELECT FROM followup_weeklyanswer WHERE occasion_id = occasion.id),
       EXISTS (SELECT FROM followup_unclearreply WHERE occasion_id = occasion.id AND why <> 'courtesy'),
       (SELECT count(*) FROM questionnaires_responseset AS filled_in
         WHERE filled_in.participant_id = occasion.participant_id AND filled_in.occasion = occasion.key
           AND filled_in.submitted_at IS NOT NULL)
  FROM followup_occasion AS occasion
  LEFT JOIN messaging_message AS question
    ON question.participant_id = occasion.participant_id AND question.key = occasion.key || ':ask'
 WHERE occasion.id = ANY(%(occasions)s)
"""

SET_CLOCKS = """
UPDATE followup_occasion AS occasion
   SET turned_at = coalesce(occasion.turned_at, %s), remind_at = clock.remind_at
  FROM unnest(%s::bigint[], %s::timestamptz[]) AS clock (occasion_id, remind_at)
 WHERE occasion.id = clock.occasion_id
"""


@dataclass(frozen=True)
class Turned:
    """What a sweep did."""

    messages: int = 0
    skips: int = 0

    def __add__(self, other: "Turned") -> "Turned":
        return Turned(self.messages + other.messages, self.skips + other.skips)


def turn_due_occasions(*, now: datetime) -> Turned:
    """Plan the message of every occasion that is due, or record why there is none."""
    return _sweep(_turn_batch, TO_TURN, now)


def turn_reminders(*, now: datetime) -> Turned:
    """Remind those who have not answered in the protocol's time, or record why not.

    Nobody is reminded who stopped, who takes a break, or whose reply a coordinator must read.
    """
    return _sweep(_remind_batch, TO_REMIND, now)


def _sweep(turn: Callable[[Batch, datetime], Turned], due: str, now: datetime) -> Turned:
    """Batch by batch, each in a transaction of its own, so that a crash loses nothing and repeats nothing."""
    total = Turned()
    more = True
    while more:
        with transaction.atomic():
            batch = Batch.claim(due, now)
            more = batch.full
            if batch.occasions:
                total += turn(batch, now)
    return total


def _turn_batch(batch: Batch, now: datetime) -> Turned:
    asked: list[Due] = []
    skips: dict[int, Skip.Reason] = {}
    remind_at: dict[int, datetime | None] = {}
    for occasion in batch.occasions:
        plan = batch.planned_by(occasion)
        if reason := _no_question(occasion, batch):
            skips[occasion.id] = reason
            remind_at[occasion.id] = None
        elif plan:
            asked.append(occasion)
            patience = timedelta(hours=plan.reminder_after_hours)
            remind_at[occasion.id] = batch.allowed[occasion.trial_id] + patience
    _record_skips(skips, Skip.What.QUESTION, now)
    enqueue_many(_drafts(asked, batch, now, reminder=False))
    _set_clocks(remind_at, now)
    return Turned(len(asked), len(skips))


def _no_question(occasion: Due, batch: Batch) -> Skip.Reason | None:
    if barrier := batch.barrier(occasion):
        return barrier
    if batch.planned_by(occasion) is None:
        return Skip.Reason.AMENDED
    late = batch.allowed[occasion.trial_id] > occasion.latest_question
    return Skip.Reason.TOO_LATE if late else None


class _Past(NamedTuple):
    """What happened to an occasion since its question was planned."""

    occasion_id: int
    question: str | None
    """The state of the message that asked; None where there is no such message."""
    sent_at: datetime | None
    answered: bool
    unclear: bool
    submitted: int
    """Instruments handed in."""


def _remind_batch(batch: Batch, now: datetime) -> Turned:
    ids = [occasion.id for occasion in batch.occasions]
    past = {one.occasion_id: one for one in rows(_Past, PAST, {"occasions": ids})}
    reminded: list[Due] = []
    skips: dict[int, Skip.Reason] = {}
    look_at: dict[int, datetime | None] = {}
    for occasion in batch.occasions:
        done = past[occasion.id]
        answered = _answered(occasion, done, batch)
        look_at[occasion.id] = None if answered else _later(occasion, done, batch, now)
        if answered or look_at[occasion.id]:
            continue
        if reason := _no_reminder(occasion, done, batch, now):
            skips[occasion.id] = reason
        else:
            reminded.append(occasion)
    _record_skips(skips, Skip.What.REMINDER, now)
    enqueue_many(_drafts(reminded, batch, now, reminder=True))
    _set_clocks(look_at, now)
    return Turned(len(reminded), len(skips))


def _answered(occasion: Due, past: _Past, batch: Batch) -> bool:
    """Whether there is a number of days, or every instrument of the questionnaire was submitted."""
    if occasion.kind == Occasion.Kind.WEEKLY:
        return past.answered
    return past.submitted >= len(batch.protocols[occasion.trial_id].instruments_at(occasion.key))


def _later(occasion: Due, past: _Past, batch: Batch, now: datetime) -> datetime | None:
    """When to look again, where it is too early to remind; None where the reminder is to be decided now."""
    if now >= occasion.closes_at or batch.barrier(occasion):
        return None
    if past.question in (State.QUEUED, State.IN_FLIGHT):
        return now + LOOK_AGAIN
    plan = batch.planned_by(occasion)
    if past.sent_at and plan:
        patient_until = past.sent_at + timedelta(hours=plan.reminder_after_hours)
        if patient_until > now:
            return patient_until
    allowed = batch.allowed[occasion.trial_id]
    return allowed if allowed > now else None


def _no_reminder(occasion: Due, past: _Past, batch: Batch, now: datetime) -> Skip.Reason | None:
    if barrier := batch.barrier(occasion):
        return barrier
    if batch.planned_by(occasion) is None:
        return Skip.Reason.AMENDED
    if past.unclear:
        return Skip.Reason.UNCLEAR
    if past.question != State.SENT:
        return Skip.Reason.UNDELIVERED
    return Skip.Reason.TOO_LATE if now >= occasion.closes_at else None


def _record_skips(reasons: Mapping[int, Skip.Reason], what: Skip.What, now: datetime) -> None:
    Skip.objects.bulk_create(
        [Skip(occasion_id=pk, what=what, reason=reason, at=now) for pk, reason in reasons.items()],
        ignore_conflicts=True,
    )


def _set_clocks(remind_at: Mapping[int, datetime | None], now: datetime) -> None:
    """These occasions are turned, and are looked at again at their moments; never where there is none."""
    with connection.cursor() as cursor:
        cursor.execute(SET_CLOCKS, [now, list(remind_at), list(remind_at.values())])


def _drafts(occasions: Iterable[Due], batch: Batch, now: datetime, *, reminder: bool) -> list[Draft]:
    codes = _codes(occasions, now)
    return [_draft(occasion, batch, codes, reminder=reminder) for occasion in occasions]


def _draft(occasion: Due, batch: Batch, codes: Mapping[int, str], *, reminder: bool) -> Draft:
    plan = batch.planned_by(occasion)
    assert plan is not None  # `_no_question` and `_no_reminder` leave these out
    if isinstance(plan, Weekly):
        text: Text = plan.reminder if reminder else plan.question
        kind = Kind.WEEKLY_REMINDER if reminder else Kind.WEEKLY
        body = weekly_text(text, language=occasion.language, week_start=occasion.week_start)
    else:
        text = plan.reminder if reminder else plan.invitation
        kind = Kind.QUESTIONNAIRE_REMINDER if reminder else Kind.QUESTIONNAIRE
        body = questionnaire_text(text, language=occasion.language, code=codes[occasion.id])
    return Draft(
        participant_id=occasion.participant_id,
        protocol_version_id=batch.versions[occasion.trial_id],
        key=reminder_key(occasion.key) if reminder else question_key(occasion.key),
        kind=kind,
        body=body,
        language=occasion.language,
        due_at=batch.allowed[occasion.trial_id],
        not_after=occasion.closes_at if reminder else occasion.latest_question,
    )


def _codes(occasions: Iterable[Due], now: datetime) -> dict[int, str]:
    """A code for each questionnaire, good until it closes."""
    codes: dict[int, str] = {}
    by_end: dict[timedelta, list[Due]] = defaultdict(list)
    for occasion in occasions:
        if occasion.kind == Occasion.Kind.QUESTIONNAIRE:
            by_end[occasion.closes_at - now].append(occasion)
    for valid_for, group in by_end.items():
        issued = issue_long_codes(
            participants=[one.participant_id for one in group],
            purpose=Purpose.QUESTIONNAIRE,
            now=now,
            valid_for=valid_for,
        )
        codes |= {one.id: issued[one.participant_id] for one in group}
    return codes
