"""What a participant says on the own page, on the phone or in an unclear reply, and corrections.

After the trial's data were locked, every one of them is refused with DataLocked.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from followup.calendar import local_day
from followup.errors import (
    AlreadyAnswered,
    AlreadyResolved,
    NothingToCorrect,
    NotInRange,
    NotYet,
    TooLongAgo,
    WeekMissing,
)
from followup.models import Call, Occasion, ReplyResolution, UnclearReply, WeeklyAnswer
from followup.selectors import replies_for
from trial.accounts.models import User
from trial.accounts.permissions import Permission
from trial.people.errors import NotPermitted, ReasonMissing
from trial.people.models import Participant
from trial.people.selectors import has_permission
from trial.protocol.schema import Protocol
from trial.protocol.selectors import active_protocol
from trial.protocol.services import refuse_locked

Source = WeeklyAnswer.Source
SENT_TWICE = timedelta(minutes=1)
"""Nobody makes two calls that say the same to one participant so fast: it was a double click."""


@transaction.atomic
def record_web_answer(*, participant: Participant, week: int, days: Decimal, now: datetime) -> WeeklyAnswer:
    """The participant's own answer for a week that is over and not too long ago. The latest one counts; the
    same number again is the same answer."""
    occasion = week_of(participant, week)
    _refuse_outside(occasion, days, said_at=now)
    Occasion.objects.select_for_update().get(pk=occasion.pk)
    latest = _latest(occasion)
    if latest is not None and latest.days == days:
        return latest
    return WeeklyAnswer.objects.create(occasion=occasion, days=days, source=Source.WEB, at=now)


@transaction.atomic
def record_call(
    *,
    participant: Participant,
    by: User,
    now: datetime,
    outcome: Call.Outcome | str,
    note: str = "",
    answers: Mapping[int, Decimal] | None = None,
) -> Call:
    """A call to the participant, with the days of the weeks (by number) that were talked about.

    The same call sent twice is recorded once. Raises AlreadyAnswered for a week that has an answer.
    """
    _refuse_unless(by, Permission.RECORD_CALL, participant)
    answers, outcome, note = dict(answers or {}), Call.Outcome(outcome), note.strip()
    Participant.objects.select_for_update().get(pk=participant.pk)
    just_now = Call.objects.filter(participant=participant, at__gt=now - SENT_TWICE, by=by)
    for known in just_now.filter(outcome=outcome, note=note):
        if _answers_in(known) == answers:
            return known
    call = Call.objects.create(participant=participant, at=now, by=by, outcome=outcome, note=note)
    for week, days in answers.items():
        occasion = week_of(participant, week)
        _refuse_outside(occasion, days, said_at=now)
        _refuse_answered(occasion)
        WeeklyAnswer.objects.create(
            occasion=occasion, days=days, source=Source.CALL, call=call, at=now, by=by
        )
    return call


def _answers_in(call: Call) -> dict[int, Decimal]:
    """Days by week number, as they were said in the call."""
    return dict(WeeklyAnswer.objects.filter(call=call).values_list("occasion__number", "days"))


@transaction.atomic
def correct_answer(
    *, participant: Participant, week: int, days: Decimal, by: User, reason: str, now: datetime
) -> WeeklyAnswer:
    """Put another number in the place of an answer, with the reason. The former answer stays readable.

    However long ago the week is: what is corrected is our record, not somebody's memory.
    """
    _refuse_unless(by, Permission.RESOLVE_REPLY, participant)
    reason = _reason(reason)
    occasion = week_of(participant, week)
    refuse_locked(participant.trial)
    _refuse_number(days, active_protocol(participant.trial))
    latest = _latest(occasion)
    if latest is None:
        raise NothingToCorrect(_("There is no answer for this week yet. Record a call instead."))
    if latest.days == days:
        raise NothingToCorrect(_("This is the answer that counts already."))
    return WeeklyAnswer.objects.create(
        occasion=occasion, days=days, source=Source.CORRECTION, at=now, by=by, reason=reason
    )


@transaction.atomic
def resolve_reply(
    *,
    reply: UnclearReply,
    by: User,
    now: datetime,
    reason: str,
    days: Decimal | None = None,
    occasion: Occasion | None = None,
) -> ReplyResolution:
    """Decide what an unclear reply says: so many days, or (without `days`) nothing that is an answer.

    `occasion` says for which week, where the reply itself does not tell or tells wrongly. It may not lie
    further back from the reply than the protocol allows. Of two coordinators who decide at once, one gets
    AlreadyResolved.
    """
    occasion = occasion or reply.occasion
    about = {one for one in (reply.participant, occasion and occasion.participant) if one}
    for participant in about:
        _refuse_unless(by, Permission.RESOLVE_REPLY, participant)
    if not reply.participant and not replies_for(by).filter(pk=reply.pk).exists():
        raise NotPermitted(_("You may not decide about this reply."))
    reason = _reason(reason)
    locked = UnclearReply.objects.select_for_update().get(pk=reply.pk)
    if ReplyResolution.objects.filter(unclear=locked).exists():
        raise AlreadyResolved(_("Somebody has decided about this reply already."))
    answer = _answer_in_reply(reply, occasion, days, by, reason) if days is not None else None
    Outcome = ReplyResolution.Outcome
    return ReplyResolution.objects.create(
        unclear=reply,
        outcome=Outcome.DAYS if answer else Outcome.NO_ANSWER,
        answer=answer,
        reason=reason,
        at=now,
        by=by,
    )


def _answer_in_reply(
    reply: UnclearReply, occasion: Occasion | None, days: Decimal, by: User, reason: str
) -> WeeklyAnswer:
    """The answer is as old as the reply, so that it does not overrule one that came after it."""
    if occasion is None:
        raise WeekMissing(_("Choose the participant and the week that the reply is about."))
    _refuse_outside(occasion, days, said_at=reply.at)
    source = Source.CORRECTION if occasion.answers.exists() else Source.SMS
    try:
        with transaction.atomic():
            return WeeklyAnswer.objects.create(
                occasion=occasion,
                days=days,
                source=source,
                inbound=reply.inbound,
                at=reply.at,
                by=by,
                reason=reason,
            )
    except IntegrityError as error:
        raise AlreadyResolved(_("Somebody has decided about this reply already.")) from error


def _latest(occasion: Occasion) -> WeeklyAnswer | None:
    """The answer that counts."""
    return WeeklyAnswer.objects.filter(occasion=occasion).order_by("-at", "-id").first()


def week_of(participant: Participant, number: int) -> Occasion:
    """The participant's week by number. Raises WeekMissing."""
    occasion = Occasion.objects.filter(
        participant=participant, kind=Occasion.Kind.WEEKLY, number=number
    ).first()
    if occasion is None:
        raise WeekMissing(_("There is no such week in the participant's plan."))
    return occasion


def _refuse_outside(occasion: Occasion, days: Decimal, *, said_at: datetime) -> None:
    """Raise DataLocked, NotInRange, NotYet or TooLongAgo for an answer that was given at `said_at`."""
    refuse_locked(occasion.participant.trial)
    protocol = active_protocol(occasion.participant.trial)
    _refuse_number(days, protocol)
    if said_at < occasion.opens_at:
        raise NotYet(_("This week is not over yet. Please answer when it is."))
    weeks = protocol.weekly.backfill_weeks
    if local_day(said_at, protocol) - local_day(occasion.opens_at, protocol) > timedelta(weeks=weeks):
        raise TooLongAgo(
            _(
                "This week is more than %(weeks)s weeks ago. It is hard to remember so far back, so we "
                "leave it open. That is quite all right."
            )
            % {"weeks": weeks}
        )


def _refuse_answered(occasion: Occasion) -> None:
    """Raise AlreadyAnswered where an answer came before, or while they talked."""
    Occasion.objects.select_for_update().get(pk=occasion.pk)
    if _latest(occasion) is not None:
        raise AlreadyAnswered(
            _(
                "Week %(week)s has an answer already. Leave it empty here. If the answer is wrong, "
                "correct it in the list of weeks, with a reason."
            )
            % {"week": occasion.number}
        )


def _refuse_number(days: Decimal, protocol: Protocol) -> None:
    weekly = protocol.weekly
    if not weekly.minimum <= days <= weekly.maximum or (days - weekly.minimum) % weekly.step:
        raise NotInRange(
            _("Write a number of days from %(minimum)s to %(maximum)s, in steps of %(step)s.")
            % {"minimum": weekly.minimum, "maximum": weekly.maximum, "step": weekly.step}
        )


def _refuse_unless(by: User, permission: Permission, participant: Participant) -> None:
    if not has_permission(by, permission, site=participant.site):
        raise NotPermitted(_("You may not do this at the participant's site."))


def _reason(reason: str) -> str:
    if not reason.strip():
        raise ReasonMissing(_("Say why, in a few words."))
    return reason.strip()
