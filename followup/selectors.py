"""What is asked of follow-up."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet

from followup.calendar import local_day
from followup.ledger import Missing, Week, weeks_of
from followup.models import Call, Occasion, Plan, Skip, UnclearReply, WeeklyAnswer
from trial.accounts.permissions import Permission
from trial.people.models import IdentityRecord, Participant
from trial.people.selectors import (
    Someone,
    contact_barriers,
    granting,
    participants_by_phone_indexes,
    participants_for,
)
from trial.protocol.models import Trial
from trial.protocol.selectors import active_protocol, is_locked, locked_trials

__all__ = ["Missing", "Week"]

AT_ONCE = 200
"""Participants whose ledgers are in memory together."""


def ledger(participant: Participant, now: datetime) -> list[Week]:
    """The participant's weeks at `now`; empty where there is no plan."""
    return list(weeks_of([participant.pk], now))


def ledger_rows(trial: Trial, now: datetime) -> Iterator[Week]:
    """All weeks of the trial's participants at `now`, by study id and week, in constant memory."""
    plans = Plan.objects.filter(participant__trial=trial).order_by("participant__study_id")
    participants = plans.values_list("participant", flat=True).iterator(chunk_size=2000)
    while batch := list(islice(participants, AT_ONCE)):
        yield from weeks_of(batch, now)


@dataclass(frozen=True)
class WeekResponse:
    """How many answered the question of one week, of those for whom it is over."""

    number: int
    due: int
    asked: int
    answered: int


def response_rates(trial: Trial, now: datetime) -> list[WeekResponse]:
    """By week of follow-up, over the weeks that are closed. Who was not asked (break, stop, withdrawal)
    does not count against the rate.
    """
    return [WeekResponse(**row) for row in _counted(_closed(trial, now).values("number")).order_by("number")]


def response_last_week(trial: Trial, now: datetime) -> int | None:
    """Per cent of the questions asked whose week closed within the past seven days; None where none did."""
    last_week = _closed(trial, now).filter(closes_at__gt=now - timedelta(days=7))
    counted = _counted(last_week.values("kind")).order_by("kind").first()
    return round(100 * counted["answered"] / counted["asked"]) if counted and counted["asked"] else None


def _closed(trial: Trial, now: datetime) -> QuerySet[Occasion]:
    return Occasion.objects.filter(
        participant__trial=trial, kind=Occasion.Kind.WEEKLY, closes_at__lte=now
    ).order_by()


def _counted(occasions: Any) -> Any:
    """Counts within each group of `occasions.values(…)`: planned, asked, answered."""
    answered = Exists(WeeklyAnswer.objects.filter(occasion=OuterRef("pk")))
    asked = ~Exists(Skip.objects.filter(occasion=OuterRef("pk"), what=Skip.What.QUESTION))
    return occasions.annotate(
        due=Count("pk"),
        asked=Count("pk", filter=Q(asked | answered)),
        answered=Count("pk", filter=Q(answered)),
    )


def missing_by_reason(trial: Trial, now: datetime) -> dict[Missing, int]:
    """How many weeks without a number there are for each reason; weeks that have not come are not counted."""
    counts = Counter(week.missing for week in ledger_rows(trial, now) if week.missing)
    return {reason: counts[reason] for reason in Missing if counts[reason] and reason != Missing.NOT_DUE}


def answerable_weeks(participant: Participant, now: datetime) -> list[Week]:
    """The weeks that the participant can still answer or change on the own page, the latest first."""
    if is_locked(participant.trial):
        return []
    protocol = active_protocol(participant.trial)
    oldest = local_day(now, protocol) - timedelta(weeks=protocol.weekly.backfill_weeks)
    asked_on = timedelta(days=7)
    return [
        week
        for week in reversed(ledger(participant, now))
        if week.starts_on + asked_on >= oldest and week.missing != Missing.NOT_DUE
    ]


def next_occasion(participant: Participant, now: datetime) -> Occasion | None:
    """What comes next for the participant."""
    coming = Occasion.objects.filter(participant=participant, opens_at__gt=now)
    return coming.exclude(participant__trial__in=locked_trials()).order_by("opens_at").first()


def open_questionnaires(participant: Participant, now: datetime) -> QuerySet[Occasion]:
    """The questionnaires that can be answered now, finished or not."""
    open_now = Occasion.objects.filter(
        participant=participant,
        kind=Occasion.Kind.QUESTIONNAIRE,
        opens_at__lte=now,
        closes_at__gt=now,
    )
    return open_now.exclude(participant__trial__in=locked_trials()).order_by("opens_at")


# --- what waits for coordinators ---


def replies_for(user: Someone) -> QuerySet[UnclearReply]:
    """Unclear replies, decided about or not, of the participants at the user's sites.

    One whose sender is not certain is shown to whoever works with somebody who has that phone; one from a
    phone that nobody has, to those who may decide in the whole installation.
    """
    participants = participants_for(user, Permission.RESOLVE_REPLY)
    families = IdentityRecord.objects.filter(participant__in=participants, phone_index__isnull=False)
    mine = Q(participant__in=participants)
    mine |= Q(participant=None, inbound__from_index__in=families.values("phone_index"))
    if any(one.trial_id is None for one in granting(user, Permission.RESOLVE_REPLY)):
        mine |= Q(participant=None)
    return UnclearReply.objects.filter(mine).select_related(
        "inbound", "participant__site", "participant__trial", "occasion__participant", "resolution"
    )


def worklist_unclear(user: Someone) -> QuerySet[UnclearReply]:
    """Those of them that wait for a decision, oldest first."""
    return replies_for(user).filter(resolution=None).order_by("at", "pk")


def possible_weeks(reply: UnclearReply, user: Someone) -> list[Occasion]:
    """The weeks that the reply can be about: of whoever has the phone, not further back than people
    remember.
    """
    index = bytes(reply.inbound.from_index)
    family = participants_by_phone_indexes([index]).get(index, [])
    senders = [reply.participant] if reply.participant else family
    mine = participants_for(user, Permission.RESOLVE_REPLY).filter(pk__in=[one.pk for one in senders])
    weeks: list[Occasion] = []
    for participant in mine:
        weekly = active_protocol(participant.trial).weekly
        oldest = reply.at - timedelta(weeks=weekly.backfill_weeks)
        past = Occasion.objects.filter(
            participant=participant, kind=Occasion.Kind.WEEKLY, opens_at__lte=reply.at
        )
        weeks += past.filter(opens_at__gte=oldest).select_related("participant__trial").order_by("-opens_at")
    return weeks


@dataclass(frozen=True)
class ToCall:
    """Somebody who has not answered for so many weeks in a row that a call may help."""

    participant: Participant
    weeks: int
    last_call: datetime | None


def worklist_calls(user: Someone, now: datetime) -> list[ToCall]:
    """Whom to call, the longest silent first.

    Silent is who was asked and gave no reply at all in the protocol's number of weeks in a row, may be
    contacted, and was not called since the last of them closed. Nobody where the data are locked.
    """
    mine = participants_for(user, Permission.RECORD_CALL).exclude(trial__in=locked_trials())
    return sorted(
        (
            row
            for trial in Trial.objects.filter(pk__in=mine.order_by().values("trial").distinct())
            for row in _silent(trial, mine.filter(trial=trial), now)
        ),
        key=lambda row: row.weeks,
        reverse=True,
    )


def _silent(trial: Trial, participants: QuerySet[Participant], now: datetime) -> list[ToCall]:
    enough = active_protocol(trial).weekly.call_after_weeks
    asked = Occasion.objects.filter(
        participant__in=participants, kind=Occasion.Kind.WEEKLY, closes_at__lte=now
    )
    replied = Q(answers__isnull=False) | Q(unclear_replies__isnull=False)
    skipped = Q(skips__what=Skip.What.QUESTION)
    broken = asked.filter(replied | skipped).order_by().values("participant").annotate(week=Max("number"))
    last_broken = dict(broken.values_list("participant", "week"))
    over = asked.order_by().values("participant").annotate(week=Max("number"), closed=Max("closes_at"))
    silent = {
        participant: (weeks, closed)
        for participant, week, closed in over.values_list("participant", "week", "closed")
        if (weeks := week - last_broken.get(participant, 0)) >= enough
        and closed > now - timedelta(weeks=enough)
    }
    barriers = contact_barriers(silent, now)
    calls = Call.objects.filter(participant__in=silent).order_by().values("participant")
    last_calls = dict(calls.annotate(last=Max("at")).values_list("participant", "last"))
    return [
        ToCall(one, silent[one.pk][0], last_calls.get(one.pk))
        for one in participants.filter(pk__in=silent)
        if one.pk not in barriers and not (one.pk in last_calls and last_calls[one.pk] >= silent[one.pk][1])
    ]
