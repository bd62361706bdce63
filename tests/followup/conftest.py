from datetime import UTC, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest

from followup.models import Occasion
from followup.selectors import ledger
from followup.services import interpret_inbound, make_plans, turn_due_occasions, turn_reminders
from randomization.services import allocate
from tests.factories import NOW, identity_of, make_trial, make_user, make_verified_participant, seal
from trial.messaging.gateways import Sent
from trial.messaging.models import Message
from trial.messaging.services import dispatch_due, record_inbound
from trial.messaging.texts import message_body

OSLO = ZoneInfo("Europe/Oslo")

numbers = count(1)


class Phones:
    """A gateway that takes everything at once."""

    at_once = 1

    def send(self, *, message_id, to, body):
        return Sent(f"SM{message_id}")

    def find(self, *, to, body, since):
        return []


class World:
    """The sweeps in the order in which beat wakes them, at moments of our choice."""

    def __init__(self, trial):
        self.trial = trial
        self.coordinator = make_user("coordinator", trial=trial)
        self.gateway = Phones()
        self.now = NOW

    def randomize(self, at=None, **details):
        participant = make_verified_participant(self.trial, now=at or self.now, **details)
        allocate(participant=participant, by=self.coordinator, now=at or self.now)
        make_plans(now=at or self.now)
        return participant

    def sweep(self, now):
        """Everything that is due at `now` happens."""
        self.now = now
        interpret_inbound(now=now)
        turn_due_occasions(now=now)
        turn_reminders(now=now)
        dispatch_due(gateway=self.gateway, now=now)

    def reply(self, participant, text, at=None, provider_id=None):
        self.now = at or self.now + timedelta(minutes=5)
        return record_inbound(
            provider_id=provider_id or f"IN{next(numbers)}",
            sender=identity_of(participant).phone,
            body=text,
            now=self.now,
        )

    def hear(self, participant, text, at=None, **details):
        """Somebody writes, and the reply is read at once."""
        inbound = self.reply(participant, text, at, **details)
        interpret_inbound(now=self.now)
        dispatch_due(gateway=self.gateway, now=self.now)
        return inbound

    def ask(self, participant, week=1):
        """The question of a week goes out on time."""
        self.sweep(self.week(participant, week).opens_at)

    def week(self, participant, number):
        return Occasion.objects.get(participant=participant, kind="weekly", number=number)

    def days(self, participant, number):
        return ledger(participant, self.now)[number - 1].days

    def missing(self, participant, number):
        return ledger(participant, self.now)[number - 1].missing

    def messages(self, participant, **wanted):
        found = Message.objects.filter(participant=participant, **wanted).order_by("due_at", "key")
        return {message.key: message_body(message) for message in found}


@pytest.fixture
def trial(db):
    trial = make_trial()
    seal(trial)
    return trial


@pytest.fixture
def world(trial):
    return World(trial)


@pytest.fixture
def anna(world):
    """Randomized on Monday 2 March 2026; her first week is 9-15 March, asked about on the 16th at ten."""
    return world.randomize()


def oslo(*moment):
    return datetime(*moment, tzinfo=OSLO).astimezone(UTC)
