"""What the intervention costs in time."""

from datetime import date, datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from expertteam.errors import TimeRefused
from expertteam.models import LONGEST_DAY, Activity, Case, TimeEntry
from expertteam.services.cases import lock_open, must_write
from trial.accounts.models import User


@transaction.atomic
def log_time(
    *, case: Case, entry: UUID, on: date, minutes: int, activity: Activity | str, by: User, now: datetime
) -> TimeEntry:
    """Enter minutes under an id that the form was given, so that a double click enters them once.

    Raises TimeRefused for a day that has not come or was before the case, and for more minutes than a day
    has; NotOnTeam, CaseClosed.
    """
    must_write(case, by)
    lock_open(case, now)
    if known := TimeEntry.objects.filter(pk=entry, case=case, user=by).first():
        return known
    if on > now.astimezone(case.time_zone).date():
        raise TimeRefused(_("This day has not come yet."))
    if on < case.opened_at.astimezone(case.time_zone).date():
        raise TimeRefused(_("On this day the case was not opened yet."))
    entered = TimeEntry.objects.filter(user=by, on=on).aggregate(total=Sum("minutes"))["total"] or 0
    if not 1 <= minutes <= LONGEST_DAY - entered:
        raise TimeRefused(_("A day has 24 hours. Check the minutes."))
    return TimeEntry.objects.create(
        pk=entry, case=case, user=by, on=on, minutes=minutes, activity=Activity(activity), entered_at=now
    )


@transaction.atomic
def remove_time(*, entry: TimeEntry, by: User, now: datetime) -> None:
    """Take back one's own entry; the audit trail keeps that it was there. Raises TimeRefused, CaseClosed."""
    must_write(entry.case, by)
    lock_open(entry.case, now)
    if entry.user_id != by.pk:
        raise TimeRefused(_("Only who entered the time can take it back."))
    entry.delete()
