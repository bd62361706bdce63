"""The expert team of a rehearsed trial: each open case gets a team, a meeting, notes, advice and time."""

from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from expertteam.models import Activity, Case, Guest, Meeting
from expertteam.selectors import LEFT
from expertteam.services import assign, log_time, plan_meeting, record_attendance, sign_advice, sign_note
from trial.accounts.models import User
from trial.accounts.roles import Coordinator, Expert
from trial.protocol.models import Trial
from trial.protocol.schema import Profession
from trial.protocol.selectors import active_protocol
from trial.rehearsal.staff import Staff

MEETING_MINUTES = 30
UNTIL_MEETING = timedelta(days=10)
VIDEO = "https://video.example.org/rehearsal"


class Team:
    """One expert who sits in every case; does nothing where the protocol has no team."""

    def __init__(self, *, trial: Trial, staff: Staff, chance: Random) -> None:
        self.trial, self.chance = trial, chance
        self.expert: User = staff[Expert]
        self.coordinator: User = staff[Coordinator]
        self.team = active_protocol(trial).expert_team

    def work(self, now: datetime) -> None:
        """Plan a meeting for each new case, and hold those whose time has come."""
        if self.team is None:
            return
        cases = Case.objects.filter(participant__trial=self.trial).exclude(
            participant__statuses__name__in=LEFT
        )
        for case in cases.filter(members=None).select_related("participant__site").order_by("pk"):
            self._begin(case, self.team.professions[0], now)
        ended = now - timedelta(minutes=MEETING_MINUTES)
        for case in cases.filter(meetings__starts_at__lte=ended, meetings__attendance_at=None).order_by("pk"):
            self._meet(case, case.meetings.get(), now)

    def _begin(self, case: Case, seat: Profession, now: datetime) -> None:
        assign(case=case, user=self.expert, profession=seat.key, by=self.coordinator, now=now, lead=True)
        plan_meeting(
            case=case,
            starts_at=now + UNTIL_MEETING,
            minutes=MEETING_MINUTES,
            video_url=VIDEO,
            by=self.expert,
            now=now,
        )

    def _meet(self, case: Case, meeting: Meeting, now: datetime) -> None:
        record_attendance(
            meeting=meeting, users=[self.expert], guests=[Guest.PARTICIPANT], by=self.expert, now=now
        )
        for write, text in (
            (sign_note, "Rehearsal: what was said in the meeting."),
            (sign_advice, "Rehearsal: talk with your employer about a gradual return."),
        ):
            thread = UUID(int=self.chance.getrandbits(128))
            write(case=case, thread=thread, based_on=0, text=text, by=self.expert, now=now)
        log_time(
            case=case,
            entry=UUID(int=self.chance.getrandbits(128)),
            on=now.date(),
            minutes=MEETING_MINUTES,
            activity=Activity.MEETING,
            by=self.expert,
            now=now,
        )
