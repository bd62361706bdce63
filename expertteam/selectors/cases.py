"""Cases, and what each waits for. Which of them somebody may see is decided here, once."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from expertteam.models import Advice, Case, CaseMember, Meeting
from expertteam.selectors.team import profession_name
from trial.accounts.models import User
from trial.accounts.permissions import Permission
from trial.people.facts import Facts
from trial.people.models import Participant, Status
from trial.people.selectors import Someone, current_facts, participants_for

R = TypeVar("R", CaseMember, Meeting)


class Stage(StrEnum):
    """What a case waits for, in the order in which somebody must do something."""

    TEAM = "team"
    MEETING = "meeting"
    ADVICE = "advice"
    PLANNED = "planned"
    DONE = "done"
    CLOSED = "closed"


STAGES: dict[Stage, str | Promise] = {
    Stage.TEAM: _("Needs a team"),
    Stage.MEETING: _("Needs a meeting"),
    Stage.ADVICE: _("Needs advice"),
    Stage.PLANNED: _("Meeting planned"),
    Stage.DONE: _("Advice given"),
    Stage.CLOSED: _("Closed"),
}
LEFT = (
    Status.WITHDRAWN_INTERVENTION,
    Status.WITHDRAWN_CONTACT,
    Status.WITHDRAWN_DATA,
    Status.DIED,
)
"""After these no team works for the participant."""
TONES = {
    Stage.TEAM: "attention",
    Stage.MEETING: "attention",
    Stage.ADVICE: "attention",
    Stage.PLANNED: "waiting",
    Stage.DONE: "good",
    Stage.CLOSED: "quiet",
}


@dataclass(frozen=True)
class CaseLine:
    """One case in the list: by study id, with what it waits for. Nothing about who it is."""

    case: Case
    stage: Stage
    next_meeting: datetime | None
    profession: str
    """The reader's own profession on the team; empty where the reader is not on it."""
    team_size: int

    @property
    def stage_name(self) -> str | Promise:
        return STAGES[self.stage]

    @property
    def tone(self) -> str:
        return TONES[self.stage]


def case_of(participant: Participant) -> Case | None:
    """The participant's case. That there is one tells the arm: ask only for who may know it."""
    return Case.objects.filter(participant=participant).first()


def cases_for(user: Someone) -> QuerySet[Case]:
    """The cases on whose team the user works, and those of the sites where the user manages cases.

    A case whose participant withdrew the data is gone for everybody.
    """
    if not user.is_authenticated:
        return Case.objects.none()
    worked = CaseMember.objects.filter(case=OuterRef("pk"), user=user, until=None)
    reach = Q(participant__in=participants_for(user, Permission.MANAGE_CASE)) | Q(
        Exists(worked), participant__in=participants_for(user, Permission.VIEW_CASE)
    )
    return (
        Case.objects.filter(reach)
        .exclude(participant__statuses__name=Status.WITHDRAWN_DATA)
        .select_related("participant__trial", "participant__site", "protocol_version")
        .defer("protocol_version__source", "protocol_version__instruments")
    )


def case_line(user: User, case: Case, language: str, now: datetime) -> CaseLine:
    """One case as the list shows it."""
    return _lines(user, [case], language, now)[0]


def case_lines(user: User, language: str, now: datetime) -> list[CaseLine]:
    """The user's cases: who waits for something first, then by the next meeting."""
    order = list(Stage)
    lines = _lines(user, list(cases_for(user)), language, now)
    return sorted(
        lines, key=lambda line: (order.index(line.stage), line.next_meeting or now, line.case.opened_at)
    )


def _lines(user: User, cases: list[Case], language: str, now: datetime) -> list[CaseLine]:
    """As many queries for a hundred cases as for one."""
    facts = current_facts([case.participant_id for case in cases], now)
    members = _grouped(CaseMember.objects.filter(case__in=cases, until=None))
    meetings = _grouped(Meeting.objects.filter(case__in=cases, cancelled_at=None))
    advised = set(
        Advice.objects.filter(case__in=cases, signed_at__isnull=False).values_list("case", flat=True)
    )
    lines = []
    for case in cases:
        own = next((m.profession for m in members[case.pk] if m.user_id == user.pk), "")
        coming = [m.starts_at for m in meetings[case.pk] if not over(m, now)]
        stage = stage_of(
            facts[case.participant_id],
            members=len(members[case.pk]),
            meetings=meetings[case.pk],
            advised=case.pk in advised,
            now=now,
        )
        lines.append(
            CaseLine(
                case,
                stage,
                min(coming, default=None),
                profession_name(case, own, language),
                len(members[case.pk]),
            )
        )
    return lines


def stage_of(
    facts: Facts, *, members: int, meetings: Sequence[Meeting], advised: bool, now: datetime
) -> Stage:
    """What a case waits for, from what there is."""
    if closed(facts):
        return Stage.CLOSED
    if any(not over(meeting, now) for meeting in meetings) and members:
        return Stage.PLANNED
    if advised:
        return Stage.DONE
    if not members:
        return Stage.TEAM
    return Stage.ADVICE if meetings else Stage.MEETING


def closed(facts: Facts) -> bool:
    """Whether nothing more is done: the participant left the intervention, wants no contact, or died."""
    return any(status in facts for status in LEFT)


def over(meeting: Meeting, now: datetime) -> bool:
    """Whether the meeting has ended."""
    return meeting.starts_at + timedelta(minutes=meeting.minutes) <= now


def _grouped(rows: Iterable[R]) -> dict[int, list[R]]:
    by_case: dict[int, list[R]] = defaultdict(list)
    for row in rows:
        by_case[row.case_id].append(row)
    return by_case
