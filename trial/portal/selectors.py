"""What the participant's own page shows, put together from the rooms."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from operator import itemgetter
from zoneinfo import ZoneInfo

from expertteam.models import Meeting
from followup.ledger import Week
from followup.models import Occasion
from followup.selectors import answerable_weeks, next_occasion, open_questionnaires
from screening.selectors import baseline_locked
from trial.people.facts import Barrier, Facts, last_day
from trial.people.models import Participant
from trial.people.selectors import facts
from trial.protocol.selectors import is_locked, protocol_of
from trial.questionnaires.selectors import is_submitted


@dataclass(frozen=True)
class Overview:
    """Everything on the page, at one moment."""

    facts: Facts
    break_ends_on: date | None
    """The last day of a break that ends by itself, in the trial's zone."""
    baseline_open: bool
    to_answer: list[Occasion]
    coming: Occasion | None
    """What we next write to the participant about; in a break, what comes after it."""
    weeks: list[Week]
    """Those that can still be answered or changed, the latest first."""


def overview(participant: Participant, now: datetime) -> Overview:
    """What waits for the participant, and what comes next."""
    held = facts(participant, now)
    zone = ZoneInfo(protocol_of(participant.protocol_version).time_zone)
    return Overview(
        facts=held,
        break_ends_on=last_day(held.paused_until, zone) if held.paused_until else None,
        baseline_open=not baseline_locked(participant) and not is_locked(participant.trial),
        to_answer=[
            occasion
            for occasion in open_questionnaires(participant, now)
            if not is_submitted(participant, occasion.key)
        ],
        coming=_coming(participant, held, now),
        weeks=answerable_weeks(participant, now),
    )


def _coming(participant: Participant, held: Facts, now: datetime) -> Occasion | None:
    if held.may_contact:
        return next_occasion(participant, now)
    if held.barrier is Barrier.PAUSED and held.paused_until:
        return next_occasion(participant, held.paused_until)
    return None


def ahead(
    meetings: Iterable[Meeting], coming: Occasion | None
) -> list[tuple[Meeting | None, Occasion | None]]:
    """Meetings and what we write about next, in the order in which they come."""
    dated: list[tuple[datetime, Meeting | None, Occasion | None]]
    dated = [(meeting.starts_at, meeting, None) for meeting in meetings]
    if coming:
        dated.append((coming.opens_at, None, coming))
    return [(meeting, occasion) for _, meeting, occasion in sorted(dated, key=itemgetter(0))]
