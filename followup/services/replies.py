"""What people write back: answers, wishes to stop, and what a coordinator must read."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from followup.models import Occasion, ReplyResolution, Skip, UnclearReply, WeeklyAnswer
from followup.parsing import Answer, Courtesy, Reading, Resume, Stop, Unclear, parse_days
from followup.services.batch import pairs
from followup.texts import weekly_text
from trial.core.db import lock
from trial.messaging.models import Inbound, Kind, Message, SkipReason, State
from trial.messaging.services import Draft, drop_queued, enqueue_many, take_inbound
from trial.messaging.texts import message_body
from trial.people.facts import Barrier
from trial.people.models import Participant, Status
from trial.people.selectors import contact_barriers, participants_by_phone_indexes
from trial.people.services import add_status
from trial.protocol.schema import Protocol, Text
from trial.protocol.selectors import active_protocol, locked_trials

BATCH = 500
SAME_TIME = timedelta(hours=1)
"""Two questions to one phone within this time: the reply may be to either."""
REMEMBERED = timedelta(days=30)
"""A reply this long after the last question is to none."""

Why = UnclearReply.Why


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


@dataclass(frozen=True)
class _Asked:
    """A week's question that went out."""

    occasion: Occasion
    at: datetime
    """When sending began: a quick reply may come before the provider has told us that it was sent."""

    def open_at(self, moment: datetime) -> bool:
        """Until the next question is sent; where none is, half a week beyond the time for it."""
        return moment < self.occasion.closes_at + (self.occasion.closes_at - self.occasion.opens_at) / 2


@dataclass
class _Desk:
    """One batch of replies, and what is to be written about it."""

    taken: list[Inbound]
    now: datetime
    answers: list[WeeklyAnswer] = field(default_factory=list)
    unclear: list[UnclearReply] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    stops: int = 0
    resumes: int = 0

    def __post_init__(self) -> None:
        self.senders = participants_by_phone_indexes({bytes(one.from_index) for one in self.taken})
        people = {one.pk: one for family in self.senders.values() for one in family}
        trials = {one.trial_id: one.trial for one in people.values()}
        self.protocols = {pk: active_protocol(trial) for pk, trial in trials.items()}
        self.readers = {pk: reader(protocol) for pk, protocol in self.protocols.items()}
        self.barriers: dict[int, Barrier] = contact_barriers(people, self.now)
        self.asked = self._asked(people)
        self.answered = set(
            WeeklyAnswer.objects.filter(
                occasion__in=[one.occasion.pk for weeks in self.asked.values() for one in weeks]
            ).values_list("occasion", flat=True)
        )

    def _asked(self, people: dict[int, Participant]) -> dict[int, list[_Asked]]:
        """For each participant the questions that a reply of this batch may answer, the latest first.

        None is open any more in a trial whose data are locked: what comes then is for a coordinator to read.
        """
        earliest = min(one.received_at for one in self.taken)
        sent = (
            Message.objects.exclude(participant__trial__in=locked_trials())
            .filter(
                participant__in=people,
                kind=Kind.WEEKLY,
                state__in=(State.IN_FLIGHT, State.SENT),
                claimed_at__gt=earliest - REMEMBERED,
            )
            .order_by("-claimed_at")
        )
        rows: dict[tuple[int, str], datetime] = {}
        complete: set[int] = set()  # whose latest question before all these replies is among the rows
        for participant, key, at in sent.values_list("participant", "key", "claimed_at"):
            if at and participant not in complete:  # always `at`, once it was taken for sending
                rows[participant, key] = at
                if at <= earliest:
                    complete.add(participant)
        occasions = {
            (one.participant_id, one.message_key): one
            for one in Occasion.objects.filter(
                pairs((participant, key.removesuffix(":ask")) for participant, key in rows)
            )
        }
        asked: dict[int, list[_Asked]] = defaultdict(list)
        for (participant, key), at in rows.items():
            occasion = occasions[participant, key]
            occasion.participant = people[participant]
            asked[participant].append(_Asked(occasion, at))
        return asked

    def handle(self) -> Interpreted:
        for inbound in self.taken:
            self._read(inbound)
        WeeklyAnswer.objects.bulk_create(self.answers)
        UnclearReply.objects.bulk_create(self.unclear)
        ReplyResolution.objects.bulk_create(
            ReplyResolution(
                unclear=one,
                outcome=ReplyResolution.Outcome.NO_ANSWER,
                reason="Thanks or a greeting.",
                at=self.now,
            )
            for one in self.unclear
            if one.why == Why.COURTESY
        )
        Skip.objects.bulk_create(self.skips, ignore_conflicts=True)
        enqueue_many(self.drafts)
        self._take_back_reminders()
        return Interpreted(len(self.answers), len(self.unclear), self.stops, self.resumes)

    def _read(self, inbound: Inbound) -> None:
        people = self.senders.get(bytes(inbound.from_index), [])
        if not people:
            self._unclear(inbound, Why.UNKNOWN_PHONE)
            return
        addressee = self._addressee(people, inbound.received_at)
        trial = (
            addressee.occasion.participant.trial_id if isinstance(addressee, _Asked) else people[0].trial_id
        )
        reading = self.readers[trial](message_body(inbound))
        if isinstance(reading, Stop):
            self._stop(inbound, people)
        elif isinstance(reading, Resume) and any(self._has_stopped(one) for one in people):
            self._resume(inbound, people)
        elif isinstance(addressee, _Asked):
            self._file(inbound, addressee.occasion, reading)
        else:
            nothing = isinstance(reading, Courtesy | Resume)
            self._unclear(
                inbound,
                Why.COURTESY if nothing else addressee,
                participant=people[0] if len(people) == 1 else None,
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

    def _file(self, inbound: Inbound, occasion: Occasion, reading: Reading) -> None:
        """Put a reply to the week's question where it belongs."""
        weekly = self.protocols[occasion.participant.trial_id].weekly
        first = occasion.pk not in self.answered
        if isinstance(reading, Answer):
            source = WeeklyAnswer.Source.SMS if first else WeeklyAnswer.Source.CORRECTION
            self.answers.append(
                WeeklyAnswer(
                    occasion=occasion,
                    days=reading.days,
                    source=source,
                    inbound=inbound,
                    at=inbound.received_at,
                )
            )
            self.answered.add(occasion.pk)
            if first:
                self._say(weekly.thanks, Kind.THANKS, f"{occasion.key}:thanks", occasion)
            return
        why = Why(reading.doubt) if isinstance(reading, Unclear) else Why.COURTESY
        self._unclear(inbound, why, participant=occasion.participant, occasion=occasion)
        if first and why != Why.COURTESY:
            self._say(weekly.unclear, Kind.UNCLEAR, f"{occasion.key}:unclear", occasion)

    def _unclear(
        self,
        inbound: Inbound,
        why: Why,
        *,
        participant: Participant | None = None,
        occasion: Occasion | None = None,
    ) -> None:
        self.unclear.append(
            UnclearReply(
                inbound=inbound, participant=participant, occasion=occasion, why=why, at=inbound.received_at
            )
        )

    def _say(self, text: Text | None, kind: Kind, key: str, occasion: Occasion) -> None:
        """Answer the participant, once a week at most, where the protocol has words for it."""
        participant = occasion.participant
        if text is None or participant.pk in self.barriers:
            return
        body = weekly_text(text, language=participant.language, week_start=occasion.week_start)
        self.drafts.append(Draft(participant.pk, key, kind, body, participant.language, self.now))

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
        if asked and asked.open_at(moment) and asked.occasion.pk not in self.answered:
            self.skips.append(
                Skip(occasion=asked.occasion, what=Skip.What.ANSWER, reason=Skip.Reason.STOPPED, at=moment)
            )

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
        body = text.in_(participant.language)
        self.drafts.append(Draft(participant.pk, key, kind, body, participant.language, self.now))

    def _take_back_reminders(self) -> None:
        """A reminder that still waits is not sent to somebody who has answered."""
        by_key: dict[str, set[int]] = defaultdict(set)
        for answer in self.answers:
            by_key[answer.occasion.reminder_key].add(answer.occasion.participant_id)
        for key, participants in by_key.items():
            drop_queued(participants=participants, keys=[key], reason=SkipReason.NOT_NEEDED)


def reader(protocol: Protocol) -> Callable[[str], Reading]:
    """Reads replies to the protocol's weekly question."""
    weekly = protocol.weekly
    words = {word: weekly.minimum for group in weekly.no_day_words.values() for word in group}
    words |= {word: weekly.maximum for group in weekly.whole_week_words.values() for word in group}
    return partial(
        parse_days,
        languages=protocol.languages,
        minimum=weekly.minimum,
        maximum=weekly.maximum,
        step=weekly.step,
        units=[word for group in weekly.unit_words.values() for word in group],
        words=words,
        stop_words=weekly.stop_words,
    )
