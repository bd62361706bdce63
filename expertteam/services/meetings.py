"""When the team meets, and who came."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from expertteam.errors import MayNotManage, MeetingRefused
from expertteam.models import LONGEST_MEETING, Case, Guest, Meeting, MeetingAttendance
from expertteam.selectors import followed_until, members_of, over
from expertteam.services.cases import lock_open, may_manage, may_write, must_write
from trial.accounts.models import User

ROUNDING_OFF = timedelta(weeks=4)
"""A team may still meet when the follow-up is over, if it is soon."""


@transaction.atomic
def plan_meeting(
    *, case: Case, starts_at: datetime, minutes: int, video_url: str, by: User, now: datetime
) -> Meeting:
    """Plan a video meeting. The same meeting twice is one.

    Raises MeetingRefused for the past, a day after follow-up, an odd length, a link that is not https or
    another meeting of the case in these minutes; MayNotManage, CaseClosed.
    """
    _must_plan(case, by)
    lock_open(case, now)
    if starts_at <= now:
        raise MeetingRefused(_("Choose a time that is still to come."))
    if not 5 <= minutes <= LONGEST_MEETING:
        raise MeetingRefused(_("A meeting lasts between 5 minutes and 8 hours."))
    if not video_url.startswith("https://"):
        raise MeetingRefused(_("The video link must start with https://."))
    last = max(followed_until(case), now + ROUNDING_OFF).astimezone(case.time_zone).date()
    if starts_at.astimezone(case.time_zone).date() > last:
        day = date_format(last, "DATE_FORMAT")
        raise MeetingRefused(_("A meeting can be planned until %(day)s.") % {"day": day})
    planned = list(Meeting.objects.filter(case=case, cancelled_at=None))
    for other in planned:
        if (other.starts_at, other.minutes, other.video_url) == (starts_at, minutes, video_url):
            return other
    ends_at = starts_at + timedelta(minutes=minutes)
    if any(other.starts_at < ends_at and not over(other, starts_at) for other in planned):
        raise MeetingRefused(_("Another meeting is planned at this time. Cancel it first."))
    return Meeting.objects.create(
        case=case, starts_at=starts_at, minutes=minutes, video_url=video_url, by=by, made_at=now
    )


@transaction.atomic
def cancel_meeting(*, meeting: Meeting, by: User, now: datetime) -> None:
    """The meeting is not held. Cancelled already, nothing changes. Raises MeetingRefused once somebody
    came."""
    _must_plan(meeting.case, by)
    Case.objects.select_for_update().get(pk=meeting.case_id)
    if meeting.attendance.exists():
        raise MeetingRefused(_("Somebody came to this meeting; it cannot be cancelled."))
    Meeting.objects.filter(pk=meeting.pk, cancelled_at=None).update(cancelled_at=now)
    meeting.refresh_from_db()


@transaction.atomic
def record_attendance(
    *, meeting: Meeting, users: Collection[User], guests: Collection[Guest | str], by: User, now: datetime
) -> None:
    """Who came: exactly these, from now on; with no names, nobody did.

    Raises MeetingRefused before the meeting and for who is not on the team.
    """
    must_write(meeting.case, by)
    lock_open(meeting.case, now)
    if meeting.cancelled_at is not None or now < meeting.starts_at:
        raise MeetingRefused(_("Who came can be recorded once the meeting has begun."))
    present = {user.pk for user in users}
    known = set(members_of(meeting.case).values_list("user", flat=True))
    known |= set(meeting.attendance.filter(user__isnull=False).values_list("user", flat=True))
    if not present <= known:
        raise MeetingRefused(_("Somebody who is not on the team cannot be recorded as a member of it."))
    named = {Guest(guest) for guest in guests}
    Meeting.objects.filter(pk=meeting.pk).update(attendance_at=now)
    meeting.attendance.filter(user__isnull=False).exclude(user__in=present).delete()
    meeting.attendance.filter(user=None).exclude(guest__in=named).delete()
    common = {"recorded_by": by, "recorded_at": now}
    for pk in sorted(present):
        MeetingAttendance.objects.get_or_create(meeting=meeting, user_id=pk, defaults=common)
    for guest in sorted(named):
        MeetingAttendance.objects.get_or_create(meeting=meeting, guest=guest, user=None, defaults=common)


def _must_plan(case: Case, by: User) -> None:
    if not (may_manage(case, by) or may_write(case, by)):
        raise MayNotManage(_("Only the case's team and the coordinator plan meetings."))
