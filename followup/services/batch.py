"""Occasions that one worker has claimed, with all that decides about them, in a handful of queries."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from followup.models import Occasion, Skip
from screening.selectors import ticked
from trial.core.db import rows
from trial.messaging.quiet import next_allowed
from trial.people.facts import Barrier
from trial.people.selectors import contact_barriers
from trial.protocol.schema import Protocol, ScheduledQuestionnaire, Weekly
from trial.protocol.selectors import IS_LOCKED, protocol_of, versions_in_force

SIZE = 1000

CLAIM = f"""
SELECT occasion.id, occasion.participant_id, participant.trial_id, participant.language, occasion.kind,
       occasion.key, occasion.number, occasion.week_start, occasion.opens_at, occasion.closes_at,
       {IS_LOCKED}
  FROM followup_occasion AS occasion
  JOIN people_participant AS participant ON participant.id = occasion.participant_id
 WHERE {{due}}
 ORDER BY {{order}}, occasion.id
 LIMIT %(size)s
   FOR UPDATE OF occasion SKIP LOCKED
"""
TO_TURN = CLAIM.format(
    due="occasion.turned_at IS NULL AND occasion.opens_at <= %(now)s", order="occasion.opens_at"
)
TO_REMIND = CLAIM.format(due="occasion.remind_at <= %(now)s", order="occasion.remind_at")


class Due(NamedTuple):
    """An occasion to act upon, with what its participant's row adds."""

    id: int
    participant_id: int
    trial_id: int
    language: str
    kind: str
    key: str
    number: int
    week_start: date
    opens_at: datetime
    closes_at: datetime
    locked: bool
    """Whether the trial's data are final."""

    @property
    def latest_question(self) -> datetime:
        """A question later than this asks about a week half forgotten: half its time to answer has passed."""
        return self.opens_at + (self.closes_at - self.opens_at) / 2


@dataclass(frozen=True)
class Batch:
    """Rows locked until the transaction ends; other workers go on with the next ones."""

    occasions: list[Due]
    versions: dict[int, int]
    """By trial id: the id of the protocol version in force, whose words are sent."""
    protocols: dict[int, Protocol]
    """By trial id: what that version says."""
    allowed: dict[int, datetime]
    """By trial id: the first moment, from now on, at which a message may go out."""
    barriers: dict[int, Barrier]
    agreed: set[int]
    """Participants who ticked in their consent that we may ask by SMS."""

    @classmethod
    def claim(cls, due: str, now: datetime) -> "Batch":
        """Lock the first occasions that are TO_TURN or TO_REMIND and that nobody else works on."""
        occasions = rows(Due, due, {"now": now, "size": SIZE})
        if not occasions:
            return cls([], {}, {}, {}, {}, set())
        members: dict[int, set[int]] = defaultdict(set)
        for one in occasions:
            members[one.trial_id].add(one.participant_id)
        versions = versions_in_force(members)
        protocols = {version.trial_id: protocol_of(version) for version in versions}
        return cls(
            occasions=occasions,
            versions={version.trial_id: version.pk for version in versions},
            protocols=protocols,
            allowed={trial: next_allowed(protocol, now) for trial, protocol in protocols.items()},
            barriers=contact_barriers(set().union(*members.values()), now),
            agreed=set().union(*(ticked(members[pk], one.weekly.tick) for pk, one in protocols.items())),
        )

    @property
    def full(self) -> bool:
        """Whether more may be due."""
        return len(self.occasions) == SIZE

    def planned_by(self, occasion: Due) -> Weekly | ScheduledQuestionnaire | None:
        """What the protocol says about the occasion; nothing where an amendment took it out."""
        protocol = self.protocols[occasion.trial_id]
        if occasion.kind == Occasion.Kind.WEEKLY:
            return protocol.weekly if occasion.number <= protocol.weekly.weeks else None
        return protocol.questionnaire_at(occasion.key)

    def barrier(self, occasion: Due) -> Skip.Reason | None:
        """Why nothing at all may be sent to the participant."""
        if occasion.locked:
            return Skip.Reason.LOCKED
        if barrier := self.barriers.get(occasion.participant_id):
            return Skip.Reason(barrier.value)
        return None if occasion.participant_id in self.agreed else Skip.Reason.NOT_AGREED
