"""Occasions that one worker has claimed, with all that decides about them, in a handful of queries."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_

from django.db.models import Q, QuerySet

from followup.models import Occasion, Skip
from screening.selectors import ticked
from trial.people.facts import Barrier
from trial.people.selectors import contact_barriers
from trial.protocol.schema import Protocol
from trial.protocol.selectors import active_protocol, locked_trials

SIZE = 1000


def pairs(wanted: Iterable[tuple[int, str]]) -> Q:
    """The rows of exactly these (participant id, key); nothing matches where there are none."""
    by_key: dict[str, list[int]] = defaultdict(list)
    for participant, key in wanted:
        by_key[key].append(participant)
    return reduce(or_, (Q(key=key, participant__in=ids) for key, ids in by_key.items()), Q(pk__in=[]))


@dataclass(frozen=True)
class Batch:
    """Rows locked until the transaction ends; other workers go on with the next ones."""

    occasions: list[Occasion]
    protocols: dict[int, Protocol]
    """By trial id: the protocol in force, whose words are sent."""
    barriers: dict[int, Barrier]
    agreed: set[int]
    locked: set[int]
    """Trials whose data are final."""

    @classmethod
    def claim(cls, due: QuerySet[Occasion], now: datetime) -> "Batch":
        """Lock the first of the `due` occasions that nobody else works on."""
        rows = due.select_for_update(skip_locked=True, of=("self",)).select_related("participant__trial")
        occasions = list(rows[:SIZE])
        if not occasions:
            return cls([], {}, {}, set(), set())
        participants = {one.participant_id: one.participant for one in occasions}
        trials = {one.trial_id: one.trial for one in participants.values()}
        protocols = {pk: active_protocol(trial) for pk, trial in trials.items()}
        agreed: set[int] = set()
        for trial, protocol in protocols.items():
            members = [one.pk for one in participants.values() if one.trial_id == trial]
            agreed |= ticked(members, protocol.weekly.tick)
        locked = set(locked_trials().filter(pk__in=trials).values_list("pk", flat=True))
        return cls(occasions, protocols, contact_barriers(participants, now), agreed, locked)

    @property
    def full(self) -> bool:
        """Whether more may be due."""
        return len(self.occasions) == SIZE

    def protocol(self, occasion: Occasion) -> Protocol:
        return self.protocols[occasion.participant.trial_id]

    def barrier(self, occasion: Occasion) -> Skip.Reason | None:
        """Why nothing at all may be sent to the participant."""
        if occasion.participant.trial_id in self.locked:
            return Skip.Reason.LOCKED
        if barrier := self.barriers.get(occasion.participant_id):
            return Skip.Reason(barrier.value)
        return None if occasion.participant_id in self.agreed else Skip.Reason.NOT_AGREED
