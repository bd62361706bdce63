"""What people write back: answers, wishes to stop, and what a coordinator must read."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from followup.models import ReplyResolution, Skip, UnclearReply, WeeklyAnswer, reminder_key
from followup.parsing import Answer, Courtesy, Reading, Resume, Stop, Unclear, days_reader
from followup.texts import weekly_text
from trial.core.db import lock, rows
from trial.messaging.models import Inbound, Kind, SkipReason
from trial.messaging.services import Draft, drop_planned, drop_queued, enqueue_many, take_inbound
from trial.messaging.texts import message_body
from trial.people.facts import Barrier
from trial.people.models import Participant, Status
from trial.people.selectors import contact_barriers, participants_by_phone_indexes
from trial.people.services import add_status
from trial.protocol.schema import Protocol, Text
from trial.protocol.selectors import IS_LOCKED, protocol_of, versions_in_force

BATCH = 500
SAME_TIME = timedelta(hours=1)
"""Two questions to one phone within this time: the reply may be to either."""
REMEMBERED = timedelta(days=30)
"""A reply this long after the last question is to none."""

ASKED = f"""
SELECT occasion.id, occasion.participant_id, occasion.key, occasion.week_start, occasion.opens_at,
       occasion.closes_at, question.claimed_at,
       EXISTS (SELECT FROM followup_weeklyanswer WHERE occasion_id = occasion.id)
  FROM (SELECT participant_id, key, claimed_at,
               lead(claimed_at) OVER (PARTITION BY participant_id ORDER BY claimed_at, key) AS next_at
          FROM messaging_message
         WHERE participant_id = ANY(%(people)s) AND kind = 'weekly' AND state IN ('in_flight', 'sent')
           AND claimed_at > %(since)s) AS question
  JOIN followup_occasion AS occasion
    ON occasion.participant_id = question.participant_id
   AND occasion.key = split_part(question.key, ':', 1)
  JOIN people_participant AS participant ON participant.id = question.participant_id
 WHERE (question.next_at IS NULL OR question.next_at > %(first_reply_at)s)
   AND NOT {IS_LOCKED}
 ORDER BY question.claimed_at DESC, question.key DESC
"""
"""The weekly questions that a reply may answer, the latest first: none that the next one had followed before
the first of the replies came."""

Why = UnclearReply.Why


KEEP = """
INSERT INTO followup_weeklyanswer (occasion_id, days, source, inbound_id, at, reason)
SELECT *, '' FROM unnest(%s::bigint[], %s::numeric[], %s::text[], %s::uuid[], %s::timestamptz[])
"""


@dataclass(frozen=True)
class Interpreted:
    """What a sweep made of the replies."""

    answers: int = 0
    unclear: int = 0
    stops: int = 0
    resumes: int = 0

    def __add__(self, other: "Interpreted") -> "Interpreted":
        return Interpreted(
            self.answers + other.answers,
            self.unclear + other.unclear,
            self.stops + other.stops,
            self.resumes + other.resumes,
        )


def interpret_inbound(*, now: datetime) -> Interpreted:
    """Handle all replies that wait, in the order in which they came.

    One worker at a time: whether a number is the answer or its correction depends on what came before.
    """
    total = Interpreted()
    more = True
    while more:
        with lock("followup.replies") as mine:
            taken = take_inbound(now=now, limit=BATCH) if mine else []
            more = len(taken) == BATCH
            if taken:
                total += _Desk(taken, now).handle()
    return total


class _Asked(NamedTuple):
    """A week whose question went out."""

    occasion_id: int
    participant_id: int
    key: str
    week_start: date
    opens_at: datetime
    closes_at: datetime
    at: datetime
    """When sending began: a quick reply may come before the provider has told us that it was sent."""
    answered: bool

    def open_at(self, moment: datetime) -> bool:
        """Until the next question is sent; where none is, half a week beyond the time for it."""
        return moment < self.closes_at + (self.closes_at - self.opens_at) / 2


class _Said(NamedTuple):
    """An answer that is to be kept: the columns that KEEP asks for."""

    occasion_id: int
    days: Decimal
    source: str
    inbound_id: UUID
    at: datetime


@dataclass
class _Desk:
    """One batch of replies, and what is to be written about it."""

    taken: list[Inbound]
    now: datetime
    answers: list[_Said] = field(default_factory=list)
    unclear: list[UnclearReply] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    not_needed: set[tuple[int, str]] = field(default_factory=set)
    """Reminders, by participant and key, of weeks that are answered now."""
    stops: int = 0
    resumes: int = 0

    def __post_init__(self) -> None:
        self.senders = participants_by_phone_indexes({bytes(one.from_index) for one in self.taken})
        self.people = {one.pk: one for family in self.senders.values() for one in family}
        versions = versions_in_force({one.trial_id for one in self.people.values()})
        self.versions = {version.trial_id: version.pk for version in versions}
        self.protocols = {version.trial_id: protocol_of(version) for version in versions}
        self.readers = {pk: reader(protocol) for pk, protocol in self.protocols.items()}
        self.barriers: dict[int, Barrier] = contact_barriers(self.people, self.now)
        self.asked: dict[int, list[_Asked]] = defaultdict(list)
        for week in self._weeks():
            self.asked[week.participant_id].append(week)
        self.answered = {one.occasion_id for weeks in self.asked.values() for one in weeks if one.answered}

    def _weeks(self) -> list[_Asked]:
        """None is open any more in a trial whose data are locked: what comes then is for a coordinator to
        read."""
        first = min(one.received_at for one in self.taken)
        wanted = {"people": list(self.people), "since": first - REMEMBERED, "first_reply_at": first}
        return rows(_Asked, ASKED, wanted)

    def handle(self) -> Interpreted:
        for inbound in self.taken:
            self._read(inbound)
        self._keep_answers()
        UnclearReply.objects.bulk_create(self.unclear)
        ReplyResolution.objects.bulk_create(
            [
                ReplyResolution(
                    unclear=one,
                    outcome=ReplyResolution.Outcome.NO_ANSWER,
                    reason="Thanks or a greeting.",
                    at=self.now,
                )
                for one in self.unclear
                if one.why == Why.COURTESY
            ]
        )
        Skip.objects.bulk_create(self.skips, ignore_conflicts=True)
        enqueue_many(self.drafts)
        drop_planned(planned=self.not_needed, reason=SkipReason.NOT_NEEDED)
        return Interpreted(len(self.answers), len(self.unclear), self.stops, self.resumes)

    def _keep_answers(self) -> None:
        if self.answers:
            with connection.cursor() as cursor:
                cursor.execute(KEEP, [list(column) for column in zip(*self.answers, strict=True)])

    def _read(self, inbound: Inbound) -> None:
        people = self.senders.get(bytes(inbound.from_index), [])
        if not people:
            self._unclear(inbound, Why.UNKNOWN_PHONE)
            return
        addressee = self._addressee(people, inbound.received_at)
        asked = addressee if isinstance(addressee, _Asked) else None
        sender = self.people[asked.participant_id] if asked else people[0]
        reading = self.readers[sender.trial_id](message_body(inbound))
        if isinstance(reading, Stop):
            self._stop(inbound, people)
        elif isinstance(reading, Resume) and any(self._has_stopped(one) for one in people):
            self._resume(inbound, people)
        elif isinstance(addressee, _Asked):
            self._file(inbound, addressee, reading)
        else:
            nothing = isinstance(reading, Courtesy | Resume)
            self._unclear(
                inbound,
                Why.COURTESY if nothing else addressee,
                participant_id=people[0].pk if len(people) == 1 else None,
            )

    def _addressee(self, people: list[Participant], moment: datetime) -> _Asked | Why:
        """Whose question, of those who share the phone, the reply answers; or why that cannot be told."""
        latest = [
            week
            for one in people
            if (week := next((asked for asked in self.asked[one.pk] if asked.at <= moment), None))
        ]
        candidates = sorted(
            (one for one in latest if one.open_at(moment)), key=lambda one: one.at, reverse=True
        )
        if not candidates:
            return Why.LATE if latest else Why.NO_OPEN_QUESTION
        if len(candidates) > 1 and candidates[0].at - candidates[1].at < SAME_TIME:
            return Why.SHARED_PHONE
        return candidates[0]

    def _file(self, inbound: Inbound, week: _Asked, reading: Reading) -> None:
        """Put a reply to the week's question where it belongs."""
        weekly = self.protocols[self.people[week.participant_id].trial_id].weekly
        first = week.occasion_id not in self.answered
        if isinstance(reading, Answer):
            source = WeeklyAnswer.Source.SMS if first else WeeklyAnswer.Source.CORRECTION
            self.answers.append(
                _Said(week.occasion_id, reading.days, source.value, inbound.pk, inbound.received_at)
            )
            self.answered.add(week.occasion_id)
            self.not_needed.add((week.participant_id, reminder_key(week.key)))
            if first:
                self._say(weekly.thanks, Kind.THANKS, f"{week.key}:thanks", week)
            return
        why = Why(reading.doubt) if isinstance(reading, Unclear) else Why.COURTESY
        self._unclear(inbound, why, participant_id=week.participant_id, occasion_id=week.occasion_id)
        if first and why != Why.COURTESY:
            self._say(weekly.unclear, Kind.UNCLEAR, f"{week.key}:unclear", week)

    def _unclear(
        self,
        inbound: Inbound,
        why: Why,
        *,
        participant_id: int | None = None,
        occasion_id: int | None = None,
    ) -> None:
        self.unclear.append(
            UnclearReply(
                inbound=inbound,
                participant_id=participant_id,
                occasion_id=occasion_id,
                why=why,
                at=inbound.received_at,
            )
        )

    def _say(self, text: Text | None, kind: Kind, key: str, week: _Asked) -> None:
        """Answer the participant, once a week at most, where the protocol has words for it."""
        if text is None or week.participant_id in self.barriers:
            return
        participant = self.people[week.participant_id]
        body = weekly_text(text, language=participant.language, week_start=week.week_start)
        self._draft(participant, kind, key, body)

    def _has_stopped(self, participant: Participant) -> bool:
        return self.barriers.get(participant.pk) == Barrier.STOPPED

    def _stop(self, inbound: Inbound, people: list[Participant]) -> None:
        """No more messages to this phone, whoever of those who share it wrote; one confirmation."""
        going_on = [one for one in people if self.barriers.get(one.pk) in (None, Barrier.PAUSED)]
        for participant in going_on:
            add_status(
                participant=participant,
                name=Status.STOPPED_CONTACT,
                by=None,
                now=inbound.received_at,
                reason="STOP by SMS",
            )
            self.barriers[participant.pk] = Barrier.STOPPED
            self._close_open_week(participant, inbound.received_at)
        if going_on:
            drop_queued(participants=[one.pk for one in going_on], reason=SkipReason.STOPPED)
            stopping = {one.pk for one in going_on}
            self.drafts = [one for one in self.drafts if one.participant_id not in stopping]
            self._confirm(going_on[0], Kind.STOP_CONFIRMATION, f"stop:{inbound.pk}")
        self.stops += len(going_on)

    def _close_open_week(self, participant: Participant, moment: datetime) -> None:
        """The ledger says that the week has no answer because of the stop, not for silence."""
        asked = next((one for one in self.asked[participant.pk] if one.at <= moment), None)
        if asked and asked.open_at(moment) and asked.occasion_id not in self.answered:
            what, reason = Skip.What.ANSWER, Skip.Reason.STOPPED
            self.skips.append(Skip(occasion_id=asked.occasion_id, what=what, reason=reason, at=moment))

    def _resume(self, inbound: Inbound, people: list[Participant]) -> None:
        stopped = [one for one in people if self._has_stopped(one)]
        for participant in stopped:
            add_status(
                participant=participant,
                name=Status.RESUMED_CONTACT,
                by=None,
                now=inbound.received_at,
                reason="START by SMS",
            )
            del self.barriers[participant.pk]
        self._confirm(stopped[0], Kind.RESUME_CONFIRMATION, f"resume:{inbound.pk}")
        self.resumes += len(stopped)

    def _confirm(self, participant: Participant, kind: Kind, key: str) -> None:
        messages = self.protocols[participant.trial_id].messages
        text = messages.stop_confirmation if kind == Kind.STOP_CONFIRMATION else messages.resume_confirmation
        self._draft(participant, kind, key, text.in_(participant.language))

    def _draft(self, participant: Participant, kind: Kind, key: str, body: str) -> None:
        version = self.versions[participant.trial_id]
        self.drafts.append(Draft(participant.pk, version, key, kind, body, participant.language, self.now))


def reader(protocol: Protocol) -> Callable[[str], Reading]:
    """Reads replies to the protocol's weekly question."""
    weekly = protocol.weekly
    words = {word: weekly.minimum for group in weekly.no_day_words.values() for word in group}
    words |= {word: weekly.maximum for group in weekly.whole_week_words.values() for word in group}
    return days_reader(
        languages=protocol.languages,
        minimum=weekly.minimum,
        maximum=weekly.maximum,
        step=weekly.step,
        units=[word for group in weekly.unit_words.values() for word in group],
        words=words,
        stop_words=weekly.stop_words,
    )
