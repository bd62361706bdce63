"""Each randomized participant gets a year of occasions."""

from datetime import date, datetime
from functools import cache

from followup.calendar import Planned, first_day, schedule
from followup.models import Occasion, Plan
from randomization.selectors import allocation_times
from trial.core.db import lock
from trial.people.models import Participant, Status
from trial.people.services import add_status
from trial.protocol.models import Trial
from trial.protocol.selectors import active_version, locked_trials, protocol_of

ROWS_AT_ONCE = 2000
NOTHING_TO_COMPLETE = (Status.COMPLETED, Status.WITHDRAWN_CONTACT, Status.WITHDRAWN_DATA, Status.DIED)
"""Who left before the end has not completed it."""


def make_plans(*, now: datetime) -> int:
    """Make the plan of every randomized participant who has none. Returns how many were made.

    Asks, rather than being told: what a crash interrupted is made the next time.
    """
    with lock("followup.plans") as mine:
        return sum(_plan_trial(trial, now) for trial in Trial.objects.all()) if mine else 0


def _plan_trial(trial: Trial, now: datetime) -> int:
    planned = Plan.objects.filter(participant__trial=trial).values("participant")
    allocated = list(allocation_times(trial).exclude(participant__in=planned).filter(at__lte=now))
    if not allocated:
        return 0
    version = active_version(trial)
    protocol = protocol_of(version)
    plans = [
        Plan(participant_id=pk, protocol_version=version, starts_on=first_day(at, protocol), made_at=now)
        for pk, at in allocated
    ]
    Plan.objects.bulk_create(plans)

    @cache
    def contacts(starts_on: date) -> tuple[Planned, ...]:
        return tuple(schedule(starts_on, protocol))

    Occasion.objects.bulk_create(
        (
            Occasion(participant_id=plan.participant_id, **vars(contact))
            for plan in plans
            for contact in contacts(plan.starts_on)
        ),
        batch_size=ROWS_AT_ONCE,
    )
    return len(plans)


def finish_plans(*, now: datetime) -> int:
    """Record that follow-up is complete for those whose last occasion has closed. Returns for how many.

    Not in a trial whose data are locked.
    """
    with lock("followup.finish") as mine:
        if not mine:
            return 0
        going_on = Occasion.objects.filter(closes_at__gt=now).values("participant")
        over = Participant.objects.filter(plan__isnull=False).exclude(pk__in=going_on)
        over = over.exclude(trial__in=locked_trials())
        finished = list(over.exclude(statuses__name__in=NOTHING_TO_COMPLETE))
        for participant in finished:
            add_status(participant=participant, name=Status.COMPLETED, by=None, now=now)
        return len(finished)
