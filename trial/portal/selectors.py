"""What the participant's own page shows, put together from the rooms."""

from dataclasses import dataclass
from datetime import datetime

from followup.ledger import Week
from followup.models import Occasion
from followup.selectors import answerable_weeks, next_occasion, open_questionnaires
from screening.selectors import baseline_locked
from trial.messaging.models import Kind, Message, State
from trial.messaging.selectors import messages_of
from trial.messaging.texts import message_body
from trial.people.facts import Facts
from trial.people.models import Participant
from trial.people.selectors import facts
from trial.questionnaires.selectors import is_submitted


@dataclass(frozen=True)
class Overview:
    """Everything on the page, at one moment."""

    facts: Facts
    baseline_open: bool
    to_answer: list[Occasion]
    coming: Occasion | None
    weeks: list[Week]
    """Those that can still be answered or changed, the latest first."""


def overview(participant: Participant, now: datetime) -> Overview:
    """What waits for the participant, and what comes next."""
    return Overview(
        facts=facts(participant, now),
        baseline_open=not baseline_locked(participant),
        to_answer=[
            occasion
            for occasion in open_questionnaires(participant, now)
            if not is_submitted(participant, occasion.key)
        ],
        coming=next_occasion(participant, now),
        weeks=answerable_weeks(participant, now),
    )


@dataclass(frozen=True)
class SentMessage:
    """One SMS as the participant got it. A code is not repeated."""

    at: datetime
    kind: str
    text: str


def sent_messages(participant: Participant, limit: int | None = None) -> list[SentMessage]:
    """What was sent to the participant, the latest first. A `limit` counts without codes."""
    sent = messages_of(participant).filter(state=State.SENT).order_by("-sent_at")
    if limit is not None:
        sent = sent.exclude(kind=Kind.CODE)[:limit]
    return [_opened(message) for message in sent]


def _opened(message: Message) -> SentMessage:
    text = "" if message.kind == Kind.CODE else message_body(message)
    assert message.sent_at is not None  # the database keeps a sent message's time
    return SentMessage(message.sent_at, str(Kind(message.kind).label), text)
