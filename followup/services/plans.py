"""Each randomized participant gets a year of occasions."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date, datetime

from django.db import connection
from django.db.models import QuerySet

from followup.calendar import Planned, first_day, schedule
from followup.models import Plan
from randomization.selectors import allocated, allocation_times
from trial.core.db import lock, rows
from trial.people.models import Participant, Status
from trial.people.services import add_status
from trial.protocol.models import ProtocolVersion
from trial.protocol.selectors import IS_LOCKED, protocol_of, versions_in_force

PLAN = """
INSERT INTO followup_occasion (participant_id, kind, key, number, week_start, opens_at, closes_at)
SELECT participant_id, contact.*
  FROM unnest(%s::bigint[]) AS participant_id,
       unnest(%s::text[], %s::text[], %s::int[], %s::date[], %s::timestamptz[], %s::timestamptz[]) AS contact
"""
OVER = f"""
SELECT plan.participant_id
  FROM followup_plan AS plan
  JOIN people_participant AS participant ON participant.id = plan.participant_id
 WHERE (SELECT closes_at FROM followup_occasion
         WHERE participant_id = plan.participant_id AND kind = 'weekly'
         ORDER BY number DESC LIMIT 1) <= %(now)s
   AND NOT EXISTS (SELECT FROM followup_occasion
                    WHERE participant_id = plan.participant_id AND closes_at > %(now)s)
   AND NOT EXISTS (SELECT FROM people_participantstatus
                    WHERE participant_id = plan.participant_id AND name = ANY(%(left)s))
   AND NOT {IS_LOCKED}
"""
"""The last week is asked for first: an index knows it, and most plans go on."""

NOTHING_TO_COMPLETE = (Status.COMPLETED, Status.WITHDRAWN_CONTACT, Status.WITHDRAWN_DATA, Status.DIED)
"""Who left before the end has not completed it."""


def make_plans(*, now: datetime) -> int:
    """Make the plan of every randomized participant who has none. Returns how many were made.

    Asks, rather than being told: what a crash interrupted is made the next time.
    """
    with lock("followup.plans") as mine:
        if not mine:
            return 0
        trials = set(_unplanned().values_list("trial", flat=True))
        versions = versions_in_force(trials) if trials else ()
        return sum(_plan_trial(version, now) for version in versions)


def _unplanned() -> QuerySet[Participant]:
    return allocated().filter(plan=None).order_by()


def _plan_trial(version: ProtocolVersion, now: datetime) -> int:
    protocol = protocol_of(version)
    times = allocation_times(version.trial).filter(participant__in=_unplanned(), at__lte=now)
    plans = [
        Plan(participant_id=pk, protocol_version=version, starts_on=first_day(at, protocol), made_at=now)
        for pk, at in times
    ]
    Plan.objects.bulk_create(plans)
    together: dict[date, list[int]] = defaultdict(list)
    for plan in plans:
        together[plan.starts_on].append(plan.participant_id)
    for starts_on, participants in together.items():
        _plan_contacts(participants, schedule(starts_on, protocol))
    return len(plans)


def _plan_contacts(participants: Collection[int], contacts: Iterable[Planned]) -> None:
    """Every one of the contacts for every one of the participants."""
    columns = [list(column) for column in zip(*contacts, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(PLAN, [list(participants), *columns])


def finish_plans(*, now: datetime) -> int:
    """Record that follow-up is complete for those whose last occasion has closed. Returns for how many.

    Not in a trial whose data are locked.
    """
    with lock("followup.finish") as mine:
        if not mine:
            return 0
        over = rows(int, OVER, {"now": now, "left": list(NOTHING_TO_COMPLETE)})
        if over:
            for participant in Participant.objects.filter(pk__among=over).select_related("trial"):
                add_status(participant=participant, name=Status.COMPLETED, by=None, now=now)
        return len(over)
