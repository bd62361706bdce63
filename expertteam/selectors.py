"""Reads about cases. Which cases somebody may see is decided by `access`; here everything is about given
ones."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from expertteam.models import Advice, Case, CaseMember, Meeting, Note, TimeEntry, Writing
from screening.selectors import screening_answers
from trial.accounts.models import User
from trial.accounts.permissions import Permission
from trial.people.facts import Facts
from trial.people.models import Participant, Status
from trial.people.selectors import Someone, current_facts, participants_for, users_with
from trial.protocol.expressions import evaluate
from trial.protocol.schema import Item, Profession, Score
from trial.protocol.schema.trial import ExpertTeam
from trial.protocol.selectors import protocol_of, study_of
from trial.questionnaires.presentation import answer_text
from trial.questionnaires.scoring import band_of
from trial.questionnaires.selectors import known_answers

R = TypeVar("R", CaseMember, Meeting)


class Stage(StrEnum):
    """What a case waits for, in the order in which somebody must do something."""

    TEAM = "team"
    MEETING = "meeting"
    ADVICE = "advice"
    PLANNED = "planned"
    DONE = "done"
    CLOSED = "closed"


STAGES: dict[Stage, Promise] = {
    Stage.TEAM: _("Needs a team"),
    Stage.MEETING: _("Needs a meeting"),
    Stage.ADVICE: _("Needs advice"),
    Stage.PLANNED: _("Meeting planned"),
    Stage.DONE: _("Advice given"),
    Stage.CLOSED: _("Closed"),
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
    def stage_name(self) -> Promise:
        return STAGES[self.stage]


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
    )


def case_lines(user: User, language: str, now: datetime) -> list[CaseLine]:
    """The user's list of cases: what waits first, then by the next meeting. Six queries, however many
    cases."""
    cases = list(cases_for(user))
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
    order = list(Stage)
    return sorted(
        lines, key=lambda line: (order.index(line.stage), line.next_meeting or now, line.case.opened_at)
    )


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
    """Whether nothing more is written: the participant left the intervention or died."""
    return facts.intervention_withdrawn or Status.DIED in facts


def over(meeting: Meeting, now: datetime) -> bool:
    """Whether the meeting has ended."""
    return meeting.starts_at + timedelta(minutes=meeting.minutes) <= now


def team_of(case: Case) -> ExpertTeam:
    """What the protocol says about teams, in the version under which the case was opened."""
    team = protocol_of(case.protocol_version).expert_team
    if team is None:
        raise LookupError(f"{case.protocol_version} has no expert team, yet {case} is a case.")
    return team


def members_of(case: Case) -> QuerySet[CaseMember]:
    """Who is on the team now, the lead first."""
    return CaseMember.objects.filter(case=case, until=None).select_related("user").order_by("-lead", "since")


def is_member(user: Someone, case: Case) -> bool:
    return user.is_authenticated and members_of(case).filter(user=user).exists()


def leads(user: Someone, case: Case) -> bool:
    return user.is_authenticated and members_of(case).filter(user=user, lead=True).exists()


def candidates(case: Case) -> QuerySet[User]:
    """Experts at the participant's site who are not on the team."""
    on_team = members_of(case).values("user")
    return users_with(Permission.VIEW_CASE, site=case.participant.site).exclude(pk__in=on_team)


def profession_name(case: Case, key: str, language: str) -> str:
    """What people call a profession; its key where the protocol no longer knows it."""
    names = {profession.key: profession.name.in_(language) for profession in team_of(case).professions}
    return names.get(key, key)


@dataclass(frozen=True)
class Seat:
    """One profession of the protocol, and whether this team needs, suggests and has it."""

    profession: Profession
    name: str
    suggested: bool
    members: tuple[CaseMember, ...]

    @property
    def wanted(self) -> bool:
        """Whether somebody is still to be found."""
        return (self.profession.required or self.suggested) and not self.members


def seats(case: Case, language: str) -> list[Seat]:
    """The team as the protocol composes it from this participant's eligibility and baseline answers."""
    known = answers_and_scores(case.participant)
    members = list(members_of(case))
    return [
        Seat(
            profession,
            profession.name.in_(language),
            profession.suggest is not None and evaluate(profession.suggest, known) is True,
            tuple(member for member in members if member.profession == profession.key),
        )
        for profession in team_of(case).professions
    ]


def answers_and_scores(participant: Participant) -> dict[str, object]:
    """Eligibility and baseline answers, baseline scores and groups, by key."""
    return screening_answers(participant) | known_answers(participant)


@dataclass(frozen=True)
class SummaryLine:
    """One item or score of the baseline, in words."""

    label: str
    value: str
    band: str = ""
    """The named range of a score."""
    position: float | None = None
    """Where a score stands between its lowest and highest possible value, 0 to 1."""


def summary(case: Case, language: str) -> list[SummaryLine]:
    """What the protocol lets the team read first."""
    study = study_of(case.participant.protocol_version)
    known = answers_and_scores(case.participant)
    instruments = study.instruments.values()
    items = {item.key: item for item in study.protocol.eligibility.items}
    items |= {item.key: item for instrument in instruments for item in instrument.items}
    scores = {
        score.key: (score, instrument.items) for instrument in instruments for score in instrument.scores
    }
    groupings = {grouping.key: grouping for instrument in instruments for grouping in instrument.groupings}
    lines = []
    for key in team_of(case).summary:
        value = known.get(key)
        if key in scores:
            score, of_items = scores[key]
            lines.append(_score_line(score, of_items, value, language))
        elif key in groupings:
            labels = {group.key: group.label.in_(language) for group in groupings[key].groups}
            lines.append(SummaryLine(groupings[key].name.in_(language), labels.get(str(value), "–")))
        elif key in items:
            item = items[key]
            lines.append(SummaryLine(item.label.in_(language), answer_text(item, value, language)))
    return lines


def _score_line(score: Score, items: Iterable[Item], value: object, language: str) -> SummaryLine:
    name = score.name.in_(language)
    if not isinstance(value, int | float):
        return SummaryLine(name, "–")
    band = band_of(score, value)
    return SummaryLine(name, f"{value:g}", band.label.in_(language) if band else "")


@dataclass(frozen=True)
class Thread:
    """A text with all its versions, the newest last."""

    versions: tuple[Writing, ...]

    @property
    def newest(self) -> Writing:
        return self.versions[-1]

    @property
    def first(self) -> Writing:
        return self.versions[0]

    @property
    def signed(self) -> Writing | None:
        """The newest signed version."""
        return next((version for version in reversed(self.versions) if version.signed_at), None)

    @property
    def is_draft(self) -> bool:
        """Whether the newest version is not signed yet."""
        return self.newest.signed_at is None


def notes_of(case: Case) -> list[Thread]:
    """The case's notes, the latest begun first."""
    return _threads(Note.objects.filter(case=case))


def advice_of(case: Case) -> list[Thread]:
    """The case's advice with drafts, for the team; the latest begun first."""
    return _threads(Advice.objects.filter(case=case))


def advice_for(participant: Participant) -> list[Advice]:
    """What the participant may read: the newest signed version of each advice, the latest first."""
    signed = Advice.objects.filter(case__participant=participant, signed_at__isnull=False)
    newest = signed.order_by("thread", "-version").distinct("thread").select_related("author")
    return sorted(newest, key=lambda advice: (advice.signed_at, advice.pk), reverse=True)


def coming_meetings_for(participant: Participant, now: datetime) -> list[Meeting]:
    """Meetings that the participant is asked to, the next first; one that goes on now is still there."""
    planned = Meeting.objects.filter(case__participant=participant, cancelled_at=None)
    return [meeting for meeting in planned if not over(meeting, now)]


def thread(model: type[Writing], case: Case, key: UUID) -> Thread | None:
    """One text of the case with its versions."""
    found = _threads(model._default_manager.filter(case=case, thread=key))
    return found[0] if found else None


def meetings_of(case: Case) -> QuerySet[Meeting]:
    """The case's meetings that were not cancelled, with who came; the latest first."""
    return (
        Meeting.objects.filter(case=case, cancelled_at=None)
        .select_related("by")
        .prefetch_related("attendance__user")
        .order_by("-starts_at")
    )


def time_entries_of(case: Case) -> QuerySet[TimeEntry]:
    """The team's time, the latest day first."""
    return TimeEntry.objects.filter(case=case).select_related("user").order_by("-on", "-entered_at")


def minutes_by_member(case: Case) -> list[tuple[User, int]]:
    """How long each member worked on the case, those with most time first."""
    rows = (
        TimeEntry.objects.filter(case=case).values("user").annotate(total=Sum("minutes")).order_by("-total")
    )
    users = User.objects.in_bulk([row["user"] for row in rows])
    return [(users[row["user"]], row["total"]) for row in rows]


def _threads(rows: QuerySet[Writing]) -> list[Thread]:
    versions: dict[UUID, list[Writing]] = defaultdict(list)
    for row in rows.select_related("author").order_by("thread", "version"):
        versions[row.thread].append(row)
    found = [Thread(tuple(one)) for one in versions.values()]
    return sorted(found, key=lambda one: (one.first.written_at, one.first.pk), reverse=True)


def _grouped(rows: Iterable[R]) -> dict[int, list[R]]:
    by_case: dict[int, list[R]] = defaultdict(list)
    for row in rows:
        by_case[row.case_id].append(row)
    return by_case
