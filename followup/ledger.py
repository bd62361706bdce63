"""The weekly ledger: for each participant and week a number of days, or the reason why there is none.

One rule (`_missing`) over facts that are read for many participants at a time, so that one participant's
strip and the whole trial's export can never tell different stories.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import ceil
from typing import NamedTuple
from uuid import UUID

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from followup.models import Occasion, Skip, UnclearReply, WeeklyAnswer, question_key
from trial.messaging.models import Kind, Message, Receipt, SkipReason, State
from trial.messaging.selectors import UNDELIVERED, undelivered


class Missing(TextChoices):
    """Why a week has no number of days."""

    NOT_DUE = "not_due", _("The question has not come yet")
    WAITING = "waiting", _("Asked, and there is still time to answer")
    NOT_SENT = "not_sent", _("The question was not sent")
    UNDELIVERED = "undelivered", _("The question did not reach the phone")
    STOPPED = "stopped", _("The participant stopped messages")
    PAUSED = "paused", _("The participant took a break")
    WITHDRAWN = "withdrawn", _("The participant withdrew")
    DIED = "died", _("The participant died")
    UNCLEAR = "unclear", _("The reply was not clear")
    SILENT = "silent", _("No answer")


BY_PARTICIPANT = {
    "paused": Missing.PAUSED,
    "stopped": Missing.STOPPED,
    "withdrawn": Missing.WITHDRAWN,
    "died": Missing.DIED,
}
"""Reasons that lie with the participant; a question that was skipped for any other one was not sent."""

STATES = {
    Missing.NOT_DUE: "future",
    Missing.WAITING: "waiting",
    Missing.PAUSED: "paused",
    Missing.STOPPED: "stopped",
    Missing.WITHDRAWN: "stopped",
    Missing.DIED: "stopped",
} | dict.fromkeys((Missing.NOT_SENT, Missing.UNDELIVERED, Missing.UNCLEAR, Missing.SILENT), "missing")

SIGNS = {Missing.NOT_SENT: "×", Missing.UNDELIVERED: "!", Missing.UNCLEAR: "?", Missing.SILENT: "–"}

DAYS_IN_A_WEEK = 7
LAST_DAY = timedelta(days=6)


@dataclass(frozen=True, slots=True)
class Week:
    """One line of the ledger: either `days` or `missing`."""

    participant_id: int
    study_id: str
    number: int
    starts_on: date
    ends_on: date
    days: Decimal | None
    missing: Missing | None
    detail: str
    """Why a question was not sent, in the words of `Skip.Reason` or of the message; else empty."""
    source: str
    """Of the answer that counts, in the words of `WeeklyAnswer.Source`; else empty."""
    answered_at: datetime | None
    corrected: bool

    @property
    def reason(self) -> str | None:
        return self.missing.value if self.missing else None

    @property
    def state(self) -> str:
        """How the strip draws the week."""
        return STATES[self.missing] if self.missing else "answered"

    @property
    def sign(self) -> str:
        """What stands in the week's square, so that it can be told without colour."""
        if self.missing:
            return SIGNS.get(self.missing, "")
        days = self.days or Decimal(0)
        return f"{days.normalize():f}"

    @property
    def plural(self) -> int:
        """Which form of "day" goes with the number: one for exactly one."""
        return 1 if self.days == 1 else 2

    @property
    def source_label(self) -> str:
        return str(WeeklyAnswer.Source(self.source).label)

    @property
    def detail_label(self) -> str:
        """The detail in the words of the screen."""
        if self.detail in Skip.Reason.values:
            return str(Skip.Reason(self.detail).label)
        return str(SkipReason(self.detail).label) if self.detail in SkipReason.values else ""

    @property
    def level(self) -> int:
        """0 for no day of sick leave to 4 for the whole week."""
        return ceil((self.days or 0) * 4 / DAYS_IN_A_WEEK)


class _Planned(NamedTuple):
    """A week as planned; plain tuples, since there are tens of thousands."""

    pk: int
    participant_id: int
    study_id: str
    key: str
    number: int
    week_start: date
    opens_at: datetime
    closes_at: datetime


class _Answer(NamedTuple):
    days: Decimal
    source: str
    at: datetime
    replaced: bool
    """Whether an earlier answer gave another number."""


class _Sent(NamedTuple):
    state: State
    skip_reason: str
    delivered: bool


@dataclass(frozen=True)
class _Facts:
    """All that is recorded about the weeks of some participants."""

    answers: dict[int, _Answer]
    skips: dict[tuple[int, str], str]
    unclear: set[int]
    questions: dict[tuple[int, str], _Sent]


def weeks_of(participants: Sequence[int], now: datetime) -> Iterator[Week]:
    """The ledger at `now` of these participants, in their order, in a handful of queries."""
    rows: dict[int, list[_Planned]] = defaultdict(list)
    weekly = Occasion.objects.filter(participant__in=participants, kind=Occasion.Kind.WEEKLY)
    fields = ("pk", "participant", "participant__study_id", "key", "number", "week_start")
    for row in weekly.order_by("number").values_list(*fields, "opens_at", "closes_at"):
        occasion = _Planned._make(row)
        rows[occasion.participant_id].append(occasion)
    facts = _facts(participants)
    for participant in participants:
        for occasion in rows[participant]:
            yield _week(occasion, facts, now)


def _week(occasion: _Planned, facts: _Facts, now: datetime) -> Week:
    answer = facts.answers.get(occasion.pk)
    missing, detail = (None, "") if answer else _missing(occasion, facts, now)
    return Week(
        participant_id=occasion.participant_id,
        study_id=occasion.study_id,
        number=occasion.number,
        starts_on=occasion.week_start,
        ends_on=occasion.week_start + LAST_DAY,
        days=answer.days if answer else None,
        missing=missing,
        detail=detail,
        source=answer.source if answer else "",
        answered_at=answer.at if answer else None,
        corrected=answer is not None and answer.replaced,
    )


def _missing(occasion: _Planned, facts: _Facts, now: datetime) -> tuple[Missing, str]:
    """Why there is no number, what is known for certain before what is concluded from silence."""
    if occasion.opens_at > now:
        return Missing.NOT_DUE, ""
    if occasion.pk in facts.unclear:
        return Missing.UNCLEAR, ""
    if skipped := facts.skips.get((occasion.pk, Skip.What.QUESTION)):
        return _not_asked(skipped)
    over = now >= occasion.closes_at
    question = facts.questions.get((occasion.participant_id, question_key(occasion.key)))
    if question is None or question.state in (State.QUEUED, State.IN_FLIGHT):
        return (Missing.NOT_SENT if over else Missing.WAITING), ""
    if question.state == State.SKIPPED:
        return _not_asked(question.skip_reason)
    if question.state == State.FAILED or not question.delivered:
        return Missing.UNDELIVERED, ""
    for what in (Skip.What.ANSWER, Skip.What.REMINDER):
        if later := BY_PARTICIPANT.get(facts.skips.get((occasion.pk, what), "")):
            return later, ""
    return (Missing.SILENT if over else Missing.WAITING), ""


def _not_asked(reason: str) -> tuple[Missing, str]:
    if missing := BY_PARTICIPANT.get(reason):
        return missing, ""
    return Missing.NOT_SENT, str(reason)


def _facts(participants: Sequence[int]) -> _Facts:
    theirs = {"occasion__participant__in": participants, "occasion__kind": Occasion.Kind.WEEKLY}
    answers: dict[int, _Answer] = {}
    for occasion, days, source, at in (
        WeeklyAnswer.objects.filter(**theirs)
        .order_by("at", "pk")
        .values_list("occasion", "days", "source", "at")
    ):
        earlier = answers.get(occasion)
        replaced = earlier is not None and (earlier.replaced or earlier.days != days)
        answers[occasion] = _Answer(days, source, at, replaced)
    skips = Skip.objects.filter(**theirs).values_list("occasion", "what", "reason")
    unclear = UnclearReply.objects.filter(**theirs).exclude(why=UnclearReply.Why.COURTESY)
    return _Facts(
        answers=answers,
        skips={(occasion, what): reason for occasion, what, reason in skips},
        unclear=set(unclear.values_list("occasion", flat=True)),
        questions=_questions(participants),
    )


def _questions(participants: Sequence[int]) -> dict[tuple[int, str], _Sent]:
    sent = Message.objects.filter(participant__in=participants, kind=Kind.WEEKLY)
    reported = Receipt.objects.filter(message__in=sent, status__in=UNDELIVERED)
    lost: set[UUID] = set(undelivered(set(reported.values_list("message", flat=True))))
    return {
        (participant, key): _Sent(State(state), skip_reason, pk not in lost)
        for pk, participant, key, state, skip_reason in sent.values_list(
            "pk", "participant", "key", "state", "skip_reason"
        )
    }
