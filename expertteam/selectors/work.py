"""What the team wrote, when it met and how long it worked."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet, Sum

from expertteam.models import Advice, Case, Meeting, Note, TimeEntry, Writing
from expertteam.selectors.cases import closed, over
from trial.accounts.models import User
from trial.people.models import Participant
from trial.people.selectors import facts
from trial.protocol.selectors import protocol_of


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
    """Meetings that the participant is asked to, the next first; one that goes on now is still there.

    None for somebody who has left.
    """
    if closed(facts(participant, now)):
        return []
    planned = Meeting.objects.filter(case__participant=participant, cancelled_at=None)
    return [meeting for meeting in planned if not over(meeting, now)]


def thread(model: type[Writing], case: Case, key: UUID) -> Thread | None:
    """One text of the case with its versions."""
    found = _threads(model._default_manager.filter(case=case, thread=key))
    return found[0] if found else None


def meetings_of(case: Case, now: datetime) -> list[Meeting]:
    """The case's meetings that were not cancelled, with who came: the next ones in order, then those that
    are over."""
    planned = list(Meeting.objects.filter(case=case, cancelled_at=None).prefetch_related("attendance__user"))
    coming = [meeting for meeting in planned if not over(meeting, now)]
    return [*coming, *(meeting for meeting in reversed(planned) if over(meeting, now))]


def followed_until(case: Case) -> datetime:
    """About when the participant's follow-up ends, never too early.

    The weeks begin within a week of the randomization that opened the case, and the last one is asked about
    for another.
    """
    protocol = protocol_of(case.protocol_version)
    last = max([protocol.weekly.weeks, *(one.week for one in protocol.questionnaires)])
    return case.opened_at + timedelta(weeks=last + 2)


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
