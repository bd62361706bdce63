"""A whole trial through the real services, with simulated people and the clock carried in `now`."""

import heapq
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from expertteam.services import open_cases
from followup.services import finish_plans, interpret_inbound, make_plans, turn_due_occasions, turn_reminders
from trial.core.db import rows
from trial.messaging.models import Kind
from trial.messaging.services import (
    Incoming,
    Report,
    dispatch_due,
    record_inbound_many,
    record_receipts,
)
from trial.people.models import Participant
from trial.protocol.models import Trial
from trial.protocol.selectors import active_study
from trial.rehearsal.gateway import Phones
from trial.rehearsal.office import Office
from trial.rehearsal.person import Person, person_of
from trial.rehearsal.staff import Staff
from trial.rehearsal.team import Team
from trial.rehearsal.visitors import Visit, visitors

UNDELIVERED = 0.01
REMINDERS = (Kind.WEEKLY_REMINDER, Kind.QUESTIONNAIRE_REMINDER)
INVITATIONS = (Kind.QUESTIONNAIRE, Kind.QUESTIONNAIRE_REMINDER)

RECEIVED = """
SELECT participant_id, key, kind, id, provider_id FROM messaging_message WHERE id = ANY(%(messages)s)
"""


@dataclass(frozen=True)
class Size:
    """How large a rehearsal is, and on which local day it begins."""

    participants: int
    weeks: int
    seed: int
    first_day: date
    recruiting_days: int = 56

    @property
    def days(self) -> int:
        """Recruitment, the weeks of the last one recruited, and one more for late answers."""
        return self.recruiting_days + (self.weeks + 1) * 7


@dataclass(order=True)
class Plan:
    """What a person will do about an SMS, and when."""

    at: datetime
    number: int
    occasion: str
    text: str | None = field(compare=False)
    """The reply; None to fill in the questionnaire of `occasion`."""


class Received(NamedTuple):
    """An SMS on the phone of a participant."""

    participant: int
    key: str
    kind: str
    pk: UUID
    provider_id: str


class Rehearsal:
    """Recruits simulated people until `size.participants` are in the trial, and follows them up."""

    def __init__(
        self,
        *,
        trial: Trial,
        staff: Staff,
        size: Size,
        until: datetime | None = None,
        away_since: datetime | None = None,
    ) -> None:
        """`until` ends it early, in the middle of the trial. From `away_since` on no staff works."""
        self.trial, self.size, self.until, self.away_since = trial, size, until, away_since
        self.study = active_study(trial)
        self.zone = ZoneInfo(self.study.protocol.time_zone)
        self.phones = Phones()
        self.chance = Random(f"{size.seed}/days")
        self.office = Office(trial=trial, staff=staff, chance=Random(f"{size.seed}/office"))
        self.team = Team(trial=trial, staff=staff, chance=Random(f"{size.seed}/team"))
        self.people: dict[int, tuple[Participant, Person]] = {}
        self.plans: list[Plan] = []
        self.invited = 0
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def run(self) -> None:
        """Live through every moment; `seconds` then says how long each stage took."""
        with visitors(trial=self.trial.pk, seed=self.size.seed) as self.visitors:
            for moment in self._moments():
                if self.until and moment >= self.until:
                    break
                self._live(moment)
            self._welcome()

    def _moments(self) -> Iterator[datetime]:
        """When something can happen: around the question and the day after it, daily while people come."""
        weekly = self.study.protocol.weekly
        for number in range(self.size.days):
            day = self.size.first_day + timedelta(days=number)
            asked = datetime.combine(day, weekly.at, self.zone).astimezone(UTC)
            since_question = (day.weekday() - weekly.weekday_number) % 7
            if number < self.size.recruiting_days or since_question in (0, 1, 4):
                yield asked + timedelta(minutes=5)
            if since_question in (0, 1):
                yield asked + timedelta(hours=4)

    def _live(self, now: datetime) -> None:
        at_work = self.away_since is None or now < self.away_since
        with self._stage("screening"):
            self._welcome()
        visits, replies = self._due(now)
        if visits:
            self.visitors.let_fill_in(visits)
        self._invite(now)
        with self._stage("office"):
            if at_work:
                self.office.work(now)
        with self._stage("replies"):
            record_inbound_many(replies)
            self.office.hear(interpret_inbound(now=now).unclear)
        with self._stage("questionnaires"):
            self.visitors.filled_in()
        with self._stage("plan"):
            make_plans(now=now)
            turn_due_occasions(now=now)
            turn_reminders(now=now)
            finish_plans(now=now)
        with self._stage("messages"):
            dispatch_due(gateway=self.phones, now=now)
            self._look_at_phones(now)
        with self._stage("expert team"):
            open_cases(now=now)
            if at_work:
                self.team.work(now)

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - started

    def _invite(self, now: datetime) -> None:
        """An even stream of people until enough of them take part."""
        past = (now.astimezone(self.zone).date() - self.size.first_day).days + 1
        wanted = min(self.size.participants, -(-self.size.participants * past // self.size.recruiting_days))
        if wanted > self.invited:
            self.visitors.invite(wanted, now=now)
            self.invited = wanted

    def _welcome(self) -> None:
        """Those who came since the last moment wait for the office."""
        came = self.visitors.came()
        participants = Participant.objects.select_related("trial", "site").in_bulk(
            [one.participant for one in came]
        )
        for one in came:
            person = person_of(self.study.protocol, number=one.number, phone=one.phone, seed=self.size.seed)
            self.people[one.participant] = (participants[one.participant], person)
            self.office.welcome(participants[one.participant], person)

    def _look_at_phones(self, now: datetime) -> None:
        """People read what came, and decide what to do about it."""
        reports = []
        messages = rows(Received, RECEIVED, {"messages": self.phones.take()})
        for message in sorted(messages, key=lambda one: (self.people[one.participant][1].number, one.key)):
            failed = self.chance.random() < UNDELIVERED
            status, code = ("undelivered", "30003") if failed else ("delivered", "")
            reports.append(Report(message.pk, message.provider_id, status, code))
            if not failed:
                self._decide(message, now)
        record_receipts(reports, now=now)

    def _decide(self, message: Received, now: datetime) -> None:
        _, person = self.people[message.participant]
        occasion = message.key.partition(":")[0]
        reminded = message.kind in REMINDERS
        text = None
        if message.kind in INVITATIONS:
            acts = person.fills_in(reminded=reminded)
        elif message.kind in (Kind.WEEKLY, Kind.WEEKLY_REMINDER):
            text = person.reply(int(occasion.removeprefix("w")), reminded=reminded)
            acts = text is not None
        else:
            acts = False
        if acts:
            plan = Plan(now + person.delay(), message.participant, occasion, text)
            heapq.heappush(self.plans, plan)

    def _due(self, now: datetime) -> tuple[list[Visit], list[Incoming]]:
        """What people planned to do by now: visits to the questionnaires, and replies."""
        visits, replies = [], []
        while self.plans and self.plans[0].at <= now:
            plan = heapq.heappop(self.plans)
            _, person = self.people[plan.number]
            if plan.text is None:
                visits.append(Visit(plan.number, person.number, plan.occasion, plan.at))
            else:
                reply_id = f"rehearsal-{plan.number}-{plan.at.timestamp()}"
                replies.append(Incoming(reply_id, person.phone, plan.text, plan.at))
        return visits, replies
