"""A whole trial through the real services, with simulated people and the clock carried in `now`."""

import heapq
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from expertteam.services import open_cases
from followup.services import finish_plans, interpret_inbound, make_plans, turn_due_occasions, turn_reminders
from trial.messaging.models import Kind, Message
from trial.messaging.services import (
    Incoming,
    Report,
    dispatch_due,
    record_inbound_many,
    record_receipts,
)
from trial.people.models import Participant, Site
from trial.protocol.models import Trial
from trial.protocol.selectors import active_study
from trial.rehearsal import identities
from trial.rehearsal.arrival import arrive, fill_in
from trial.rehearsal.gateway import Phones
from trial.rehearsal.office import Office
from trial.rehearsal.person import Person
from trial.rehearsal.staff import Staff
from trial.rehearsal.team import Team

RECRUITING_DAYS = 56
UNDELIVERED = 0.01
REMINDERS = (Kind.WEEKLY_REMINDER, Kind.QUESTIONNAIRE_REMINDER)
INVITATIONS = (Kind.QUESTIONNAIRE, Kind.QUESTIONNAIRE_REMINDER)


@dataclass(frozen=True)
class Size:
    """How large a rehearsal is, and on which local day it begins."""

    participants: int
    weeks: int
    seed: int
    first_day: date

    @property
    def days(self) -> int:
        """Recruitment, the weeks of the last one recruited, and one more for late answers."""
        return RECRUITING_DAYS + (self.weeks + 1) * 7


@dataclass(order=True)
class Plan:
    """What a person will do about an SMS, and when."""

    at: datetime
    number: int
    text: str | None
    """The reply; None to fill in the questionnaire of `occasion`."""
    occasion: str


class Rehearsal:
    """Recruits simulated people until `size.participants` are in the trial, and follows them up."""

    def __init__(self, *, trial: Trial, staff: Staff, size: Size, until: datetime | None = None) -> None:
        """`until` ends it early, in the middle of the trial."""
        self.trial, self.size, self.until = trial, size, until
        self.study = active_study(trial)
        self.zone = ZoneInfo(self.study.protocol.time_zone)
        self.sites = list(Site.objects.filter(trial=trial).order_by("key"))
        self.phones = Phones()
        self.chance = Random(f"{size.seed}/days")
        self.office = Office(trial=trial, staff=staff, chance=Random(f"{size.seed}/office"))
        self.team = Team(trial=trial, staff=staff, chance=Random(f"{size.seed}/team"))
        self.people: dict[int, tuple[Participant, Person]] = {}
        self.plans: list[Plan] = []
        self.met = 0
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._phone_numbers = identities.phones(self.study.protocol.country)

    def run(self) -> None:
        """Live through every moment; `seconds` then says how long each stage took."""
        for moment in self._moments():
            if self.until and moment >= self.until:
                return
            self._live(moment)

    def _moments(self) -> Iterator[datetime]:
        """When something can happen: around the question and the day after it, daily while people come."""
        weekly = self.study.protocol.weekly
        for number in range(self.size.days):
            day = self.size.first_day + timedelta(days=number)
            asked = datetime.combine(day, weekly.at, self.zone).astimezone(UTC)
            since_question = (day.weekday() - weekly.weekday_number) % 7
            if number < RECRUITING_DAYS or since_question in (0, 1, 4):
                yield asked + timedelta(minutes=5)
            if since_question in (0, 1):
                yield asked + timedelta(hours=4)

    def _live(self, now: datetime) -> None:
        with self._stage("screening"):
            self._recruit(now)
        with self._stage("office"):
            self.office.work(now)
        with self._stage("replies"):
            self._carry_out_plans(now)
            interpret_inbound(now=now)
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
            self.team.work(now)

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - started

    def _recruit(self, now: datetime) -> None:
        """An even stream of people until enough of them take part."""
        past = (now.astimezone(self.zone).date() - self.size.first_day).days + 1
        wanted = min(self.size.participants, -(-self.size.participants * past // RECRUITING_DAYS))
        while len(self.people) < wanted:
            self._meet_somebody(now)

    def _meet_somebody(self, now: datetime) -> None:
        self.met += 1
        person = Person(
            number=self.met,
            protocol=self.study.protocol,
            phone=next(self._phone_numbers),
            chance=Random(f"{self.size.seed}/person/{self.met}"),
        )
        site = self.chance.choice(self.sites)
        participant = arrive(person, trial=self.trial, study=self.study, site=site, now=now)
        if participant:
            self.people[participant.pk] = (participant, person)
            self.office.welcome(participant, person)

    def _look_at_phones(self, now: datetime) -> None:
        """People read what came, and decide what to do about it."""
        messages = Message.objects.in_bulk(self.phones.take())
        reports = []
        for message in sorted(messages.values(), key=lambda one: (one.participant_id, one.key)):
            failed = self.chance.random() < UNDELIVERED
            status, code = ("undelivered", "30003") if failed else ("delivered", "")
            reports.append(Report(message.pk, str(message.provider_id), status, code))
            if not failed:
                self._decide(message, now)
        record_receipts(reports, now=now)

    def _decide(self, message: Message, now: datetime) -> None:
        _, person = self.people[message.participant_id]
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
            plan = Plan(now + person.delay(), message.participant_id, text, occasion)
            heapq.heappush(self.plans, plan)

    def _carry_out_plans(self, now: datetime) -> None:
        incoming = []
        while self.plans and self.plans[0].at <= now:
            plan = heapq.heappop(self.plans)
            participant, person = self.people[plan.number]
            if plan.text is None:
                fill_in(participant, plan.occasion, person, self.study, plan.at)
            else:
                reply_id = f"rehearsal-{plan.number}-{plan.at.timestamp()}"
                incoming.append(Incoming(reply_id, person.phone, plan.text, plan.at))
        record_inbound_many(incoming)
