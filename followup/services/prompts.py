"""Due occasions become messages, or a recorded reason why not."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import Count, QuerySet

from followup.models import Occasion, Skip, UnclearReply, WeeklyAnswer
from followup.services.batch import Batch, pairs
from followup.texts import questionnaire_text, weekly_text
from trial.messaging.models import Kind, Message, State
from trial.messaging.quiet import next_allowed
from trial.messaging.services import Draft, enqueue_many
from trial.people.models import Purpose
from trial.people.services import issue_long_codes
from trial.protocol.schema import Protocol, ScheduledQuestionnaire, Text, Weekly
from trial.questionnaires.models import ResponseSet

LOOK_AGAIN = timedelta(hours=1)
"""Where the question itself still waits to be sent."""


@dataclass(frozen=True)
class Turned:
    """What a sweep did."""

    messages: int = 0
    skips: int = 0

    def __add__(self, other: "Turned") -> "Turned":
        return Turned(self.messages + other.messages, self.skips + other.skips)


def turn_due_occasions(*, now: datetime) -> Turned:
    """Plan the message of every occasion that is due, or record why there is none."""
    due = Occasion.objects.filter(turned_at=None, opens_at__lte=now).order_by("opens_at", "pk")
    return _sweep(_turn_batch, due, now)


def turn_reminders(*, now: datetime) -> Turned:
    """Remind those who have not answered in the protocol's time, or record why not.

    Nobody is reminded who stopped, who takes a break, or whose reply a coordinator must read.
    """
    due = Occasion.objects.filter(remind_at__lte=now).order_by("remind_at", "pk")
    return _sweep(_remind_batch, due, now)


def _sweep(turn: Callable[[Batch, datetime], Turned], due: QuerySet[Occasion], now: datetime) -> Turned:
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


def latest_question(occasion: Occasion) -> datetime:
    """A question later than this asks about a week half forgotten: half its time to answer has passed."""
    return occasion.opens_at + (occasion.closes_at - occasion.opens_at) / 2


def planned_by(protocol: Protocol, occasion: Occasion) -> Weekly | ScheduledQuestionnaire | None:
    """What the protocol says about the occasion; nothing where an amendment took it out."""
    if occasion.kind == Occasion.Kind.WEEKLY:
        return protocol.weekly if occasion.number <= protocol.weekly.weeks else None
    return protocol.questionnaire_at(occasion.key)


def _turn_batch(batch: Batch, now: datetime) -> Turned:
    skips = {
        occasion.pk: reason for occasion in batch.occasions if (reason := _no_question(occasion, batch, now))
    }
    asked = [occasion for occasion in batch.occasions if occasion.pk not in skips]
    remind_at: dict[datetime | None, list[int]] = defaultdict(list)
    remind_at[None] = list(skips)
    for occasion in asked:
        plan = planned_by(batch.protocol(occasion), occasion)
        due_at = next_allowed(batch.protocol(occasion), now)
        hours = plan.reminder_after_hours if plan else 0
        remind_at[due_at + timedelta(hours=hours)].append(occasion.pk)
    _record_skips(skips, Skip.What.QUESTION, now)
    enqueue_many(_drafts(asked, batch, now, reminder=False))
    for moment, occasions in remind_at.items():
        Occasion.objects.filter(pk__in=occasions).update(turned_at=now, remind_at=moment)
    return Turned(len(asked), len(skips))


def _no_question(occasion: Occasion, batch: Batch, now: datetime) -> Skip.Reason | None:
    if barrier := batch.barrier(occasion):
        return barrier
    if planned_by(batch.protocol(occasion), occasion) is None:
        return Skip.Reason.AMENDED
    late = next_allowed(batch.protocol(occasion), now) > latest_question(occasion)
    return Skip.Reason.TOO_LATE if late else None


def _remind_batch(batch: Batch, now: datetime) -> Turned:
    history = _history(batch)
    looks: dict[datetime | None, list[int]] = defaultdict(list)
    skips: dict[int, Skip.Reason] = {}
    reminded: list[Occasion] = []
    for occasion in batch.occasions:
        look = None if occasion.pk in history.answered else _later(occasion, batch, history, now)
        looks[look].append(occasion.pk)
        if occasion.pk in history.answered or look:
            continue
        if reason := _no_reminder(occasion, batch, history, now):
            skips[occasion.pk] = reason
        else:
            reminded.append(occasion)
    _record_skips(skips, Skip.What.REMINDER, now)
    enqueue_many(_drafts(reminded, batch, now, reminder=True))
    for look, occasions in looks.items():
        Occasion.objects.filter(pk__in=occasions).update(remind_at=look)
    return Turned(len(reminded), len(skips))


class _Asked(NamedTuple):
    state: State
    sent_at: datetime | None


@dataclass(frozen=True)
class _History:
    """What happened to a batch of occasions since they were asked."""

    answered: set[int]
    unclear: set[int]
    questions: dict[tuple[int, str], _Asked]

    def question(self, occasion: Occasion) -> _Asked | None:
        return self.questions.get((occasion.participant_id, occasion.message_key))


def _history(batch: Batch) -> _History:
    ids = [occasion.pk for occasion in batch.occasions]
    answers = WeeklyAnswer.objects.filter(occasion__in=ids).values_list("occasion", flat=True)
    unclear = UnclearReply.objects.filter(occasion__in=ids).exclude(why=UnclearReply.Why.COURTESY)
    questions = Message.objects.filter(
        pairs((occasion.participant_id, occasion.message_key) for occasion in batch.occasions)
    )
    return _History(
        answered=set(answers) | _submitted(batch),
        unclear=set(unclear.values_list("occasion", flat=True)),
        questions={
            (participant, key): _Asked(State(state), sent_at)
            for participant, key, state, sent_at in questions.values_list(
                "participant", "key", "state", "sent_at"
            )
        },
    )


def _submitted(batch: Batch) -> set[int]:
    """The questionnaire occasions of which every instrument was submitted."""
    occasions = [one for one in batch.occasions if one.kind == Occasion.Kind.QUESTIONNAIRE]
    if not occasions:
        return set()
    sets = (
        ResponseSet.objects.filter(
            participant__in={one.participant_id for one in occasions},
            occasion__in={one.key for one in occasions},
            submitted_at__isnull=False,
        )
        .values_list("participant", "occasion")
        .annotate(Count("pk"))
    )
    submitted = {(participant, key): count for participant, key, count in sets.order_by()}
    return {
        one.pk
        for one in occasions
        if submitted.get((one.participant_id, one.key), 0) >= len(batch.protocol(one).instruments_at(one.key))
    }


def _later(occasion: Occasion, batch: Batch, history: _History, now: datetime) -> datetime | None:
    """When to look again, where it is too early to remind; None where the reminder is to be decided now."""
    if now >= occasion.closes_at or batch.barrier(occasion):
        return None
    asked = history.question(occasion)
    if asked and asked.state in (State.QUEUED, State.IN_FLIGHT):
        return now + LOOK_AGAIN
    plan = planned_by(batch.protocol(occasion), occasion)
    if asked and asked.sent_at and plan:
        patient_until = asked.sent_at + timedelta(hours=plan.reminder_after_hours)
        if patient_until > now:
            return patient_until
    allowed = next_allowed(batch.protocol(occasion), now)
    return allowed if allowed > now else None


def _no_reminder(occasion: Occasion, batch: Batch, history: _History, now: datetime) -> Skip.Reason | None:
    if barrier := batch.barrier(occasion):
        return barrier
    if planned_by(batch.protocol(occasion), occasion) is None:
        return Skip.Reason.AMENDED
    if occasion.pk in history.unclear:
        return Skip.Reason.UNCLEAR
    asked = history.question(occasion)
    if asked is None or asked.state != State.SENT:
        return Skip.Reason.UNDELIVERED
    return Skip.Reason.TOO_LATE if now >= occasion.closes_at else None


def _record_skips(reasons: dict[int, Skip.Reason], what: Skip.What, now: datetime) -> None:
    Skip.objects.bulk_create(
        (Skip(occasion_id=pk, what=what, reason=reason, at=now) for pk, reason in reasons.items()),
        ignore_conflicts=True,
    )


def _drafts(occasions: Collection[Occasion], batch: Batch, now: datetime, *, reminder: bool) -> list[Draft]:
    codes = _codes(occasions, now)
    return [_draft(occasion, batch, codes, now, reminder=reminder) for occasion in occasions]


def _draft(
    occasion: Occasion, batch: Batch, codes: dict[int, str], now: datetime, *, reminder: bool
) -> Draft:
    protocol, language = batch.protocol(occasion), occasion.participant.language
    plan = planned_by(protocol, occasion)
    assert plan is not None  # `_no_question` and `_no_reminder` leave these out
    if isinstance(plan, Weekly):
        text: Text = plan.reminder if reminder else plan.question
        kind = Kind.WEEKLY_REMINDER if reminder else Kind.WEEKLY
        body = weekly_text(text, language=language, week_start=occasion.week_start)
    else:
        text = plan.reminder if reminder else plan.invitation
        kind = Kind.QUESTIONNAIRE_REMINDER if reminder else Kind.QUESTIONNAIRE
        body = questionnaire_text(text, language=language, code=codes[occasion.pk])
    return Draft(
        participant_id=occasion.participant_id,
        key=occasion.reminder_key if reminder else occasion.message_key,
        kind=kind,
        body=body,
        language=language,
        due_at=next_allowed(protocol, now),
        not_after=occasion.closes_at if reminder else latest_question(occasion),
    )


def _codes(occasions: Iterable[Occasion], now: datetime) -> dict[int, str]:
    """A code for each questionnaire, good until it closes."""
    codes: dict[int, str] = {}
    by_end: dict[timedelta, list[Occasion]] = defaultdict(list)
    for occasion in occasions:
        if occasion.kind == Occasion.Kind.QUESTIONNAIRE:
            by_end[occasion.closes_at - now].append(occasion)
    for valid_for, group in by_end.items():
        issued = issue_long_codes(
            participants=[one.participant for one in group],
            purpose=Purpose.QUESTIONNAIRE,
            now=now,
            valid_for=valid_for,
        )
        codes |= {one.pk: issued[one.participant_id] for one in group}
    return codes
