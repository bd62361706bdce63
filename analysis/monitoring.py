"""How a trial goes, for people who may not know arms: recruitment, flow, answers, first analysis."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from itertools import accumulate
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.dateformat import format as written
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from analysis.charts import Chart, Points, chart, round_marks, steps
from analysis.models import FirstAnalysis, Snapshot
from followup.ledger import Missing
from followup.selectors import WeekResponse, missing_by_reason, response_rates
from randomization.selectors import allocation_times, deviation_kinds, deviations_in
from randomization.unblindings import rules_of, unblinded_count
from screening.selectors import ConsortCounts, consort_counts
from trial.people.models import Participant, ParticipantStatus, Status
from trial.protocol.models import Trial
from trial.protocol.selectors import active_protocol

SNAPSHOTS_SHOWN = 30
FEWEST = 5
"""No week with fewer people asked is drawn as if it told something."""
PERCENT = [(0.0, "0 %"), (0.25, "25 %"), (0.5, "50 %"), (0.75, "75 %"), (1.0, "100 %")]
LEFT = (Status.WITHDRAWN_CONTACT, Status.WITHDRAWN_DATA, Status.DIED)
"""After these a participant is not followed any more."""


@dataclass(frozen=True)
class Month:
    """What a calendar month in the trial's time zone brought."""

    first: date
    consented: int
    randomized: int
    randomized_so_far: int


@dataclass(frozen=True)
class Flow:
    """From everybody who asked to those who are followed.

    People, except that one may have several `reasons`.
    """

    screening: ConsortCounts
    reasons: list[tuple[str, int]]
    """Why people were excluded, most frequent first."""
    randomized: int
    left: list[tuple[str, int]]
    """Who of the randomized is not followed any more, by reason."""
    completed: int

    @property
    def followed(self) -> int:
        return self.randomized - sum(count for _, count in self.left) - self.completed

    @property
    def not_randomized(self) -> int:
        return self.screening.consented - self.randomized


class Monitoring:
    """The trial at `now`; each part is read when a page asks for it. No arm, except from an analysis
    after lock."""

    def __init__(self, trial: Trial, now: datetime) -> None:
        self.trial = trial
        self.now = now
        self.protocol = active_protocol(trial)
        self.zone = ZoneInfo(self.protocol.time_zone)

    def _day(self, moment: datetime) -> date:
        return moment.astimezone(self.zone).date()

    @cached_property
    def randomized_on(self) -> list[date]:
        """The day of each randomization, in order."""
        return sorted(self._day(at) for _, at in allocation_times(self.trial))

    @cached_property
    def registered_on(self) -> list[date]:
        """The day of each registration with consent, in order."""
        times = Participant.objects.filter(trial=self.trial).values_list("registered_at", flat=True)
        return sorted(self._day(at) for at in times)

    @cached_property
    def unblinded(self) -> int | None:
        """How many participants' arms were told in an emergency; None in an open trial."""
        return unblinded_count(self.trial) if rules_of(self.trial) else None

    @cached_property
    def months(self) -> list[Month]:
        """From the first registration to now."""
        if not self.registered_on:
            return []
        consented = Counter(day.replace(day=1) for day in self.registered_on)
        randomized = Counter(day.replace(day=1) for day in self.randomized_on)
        every = _months(self.registered_on[0], self._day(self.now))
        so_far = accumulate(randomized[month] for month in every)
        return [
            Month(month, consented[month], randomized[month], total)
            for month, total in zip(every, so_far, strict=True)
        ]

    @cached_property
    def recruitment(self) -> Chart | None:
        """How many had consented and were randomized on each day, and the target; None before the first
        one."""
        if not self.registered_on:
            return None
        first = self.registered_on[0]
        end = max((self._day(self.now) - first).days, 1)
        up = round_marks(max(self.protocol.target, len(self.registered_on)))
        starts = [(month.first - first).days for month in self.months]
        names = [written(month.first, "M") for month in self.months]
        return chart(
            [
                (_("Consented"), _so_far(self.registered_on, first, end)),
                (_("Randomized"), _so_far(self.randomized_on, first, end)),
            ],
            end=end,
            top=up[-1],
            across=_thinned([(at, name) for at, name in zip(starts, names, strict=True) if at >= 0]),
            up=[(number, str(number)) for number in up],
            goal=self.protocol.target,
        )

    @cached_property
    def deviations(self) -> list[tuple[str, int]]:
        """How many protocol deviations at randomization of each kind, most frequent first."""
        found = Counter(kind for _participant, kind, _at in deviations_in(self.trial))
        names = {key: str(name) for key, name in deviation_kinds()}
        return [(names[kind], number) for kind, number in found.most_common()]

    @cached_property
    def flow(self) -> Flow:
        counts = consort_counts(self.trial)
        became = self._became()
        labels = {one.key: one.label for one in self.protocol.eligibility.criteria}
        reasons = sorted(counts.excluded_by_reason.items(), key=lambda reason: (-reason[1], reason[0]))
        language = get_language() or self.protocol.language
        return Flow(
            screening=counts,
            reasons=[
                (labels[key].in_(language) if key in labels else key, number) for key, number in reasons
            ],
            randomized=len(self.randomized_on),
            left=[(str(status.label), became[status]) for status in LEFT if became[status]],
            completed=became[Status.COMPLETED],
        )

    def _became(self) -> Counter[str]:
        """The randomized by what ended their follow-up, the latest counting."""
        randomized = allocation_times(self.trial).values("participant_id")
        ended = ParticipantStatus.objects.filter(
            participant__in=randomized, name__in=(*LEFT, Status.COMPLETED)
        )
        latest = dict(ended.order_by("at", "pk").values_list("participant", "name"))
        return Counter(latest.values())

    @cached_property
    def weeks(self) -> list[WeekResponse]:
        """Answers by week of follow-up."""
        return response_rates(self.trial, now=self.now)

    @property
    def asked(self) -> int:
        return sum(week.asked for week in self.weeks)

    @property
    def answered(self) -> int:
        return sum(week.answered for week in self.weeks)

    @property
    def response_percent(self) -> int | None:
        return round(100 * self.answered / self.asked) if self.asked else None

    @cached_property
    def responses(self) -> Chart | None:
        """The fraction of those asked who answered, by week; None before the first week is over.

        Dotted after the last week for which `few` or more were asked: there, one person moves the line.
        """
        asked = [week for week in self.weeks if week.asked]
        points = [(week.number, week.answered / week.asked) for week in asked]
        end = self.protocol.weekly.weeks
        if not points:
            return None
        told = max((place for place, week in enumerate(asked, 1) if week.asked >= self.few), default=0)
        return chart(
            [(_("Answered"), points[:told])] if told else [],
            end=end,
            top=1,
            across=_weeks(end),
            up=PERCENT,
            tail=points[max(told - 1, 0) :] if told < len(points) else (),
        )

    @property
    def few(self) -> int:
        """With fewer asked than this, a tenth of the largest week, a fraction tells little."""
        return max(FEWEST, ceil(max((week.asked for week in self.weeks), default=0) / 10))

    @cached_property
    def missing(self) -> list[tuple[str, int, str]]:
        """Reason, number of weeks, and the width of a bar where the most frequent reason has 100."""
        counts = missing_by_reason(self.trial, now=self.now)
        counts.pop(Missing.WAITING, None)
        most = max(counts.values(), default=1)
        ordered = sorted(counts.items(), key=lambda one: -one[1])
        return [
            (str(Missing(reason).label), number, f"{100 * number / most:.1f}") for reason, number in ordered
        ]

    @cached_property
    def snapshots(self) -> list[Snapshot]:
        """The newest ones."""
        return list(Snapshot.objects.filter(trial=self.trial)[:SNAPSHOTS_SHOWN])

    @cached_property
    def analysis(self) -> "Analysed | None":
        """The first analysis of the newest snapshot that has one."""
        newest = FirstAnalysis.objects.filter(snapshot__trial=self.trial).select_related("snapshot")
        found = newest.order_by("-snapshot__made_at", "-snapshot__pk").first()
        return Analysed(found) if found else None


class Analysed:
    """The first analysis as a page shows it: all arms together while they are masked."""

    def __init__(self, analysis: FirstAnalysis) -> None:
        self.snapshot = analysis.snapshot
        self.results: dict[str, Any] = analysis.results
        self.masked: bool = self.results["masked"]

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The results that are for looking at in this state of the trial."""
        return [
            line for line in self.results["lines"] if line["estimate"] is not None or line["p"] is not None
        ]

    def line(self, measure: str) -> dict[str, Any] | None:
        """A result of all arms together."""
        return next(
            (one for one in self.results["lines"] if one["measure"] == measure and not one["group"]), None
        )

    @property
    def working(self) -> dict[str, Any] | None:
        return self.line("working")

    @property
    def returned(self) -> dict[str, Any] | None:
        return self.line("returned")

    @property
    def returns(self) -> Chart | None:
        """The fraction with a sustained return, by week of follow-up."""
        end = self.results["weeks"]
        if not end:
            return None
        curves = [
            (curve["group"] or _("Everybody"), steps(curve["steps"])) for curve in self.results["curves"]
        ]
        return chart(curves, end=end, top=1, across=_weeks(end), up=PERCENT)


def _so_far(days: list[date], first: date, end: int) -> Points:
    """How many days of the list have passed by each day since `first`, as a staircase to `end`."""
    counted = Counter((day - first).days for day in days)
    total = 0
    points = [(0.0, 0.0)]
    for day, number in sorted(counted.items()):
        total += number
        points.append((day, total))
    return steps([*points, (end, total)])


def _months(first: date, last: date) -> list[date]:
    """The first day of every month from that of `first` to that of `last`."""
    numbers = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return [date(number // 12, number % 12 + 1, 1) for number in numbers]


def _weeks(end: int) -> list[tuple[float, str]]:
    return [(week, str(week)) for week in round_marks(end, about=6) if week <= end]


def _thinned(marks: Sequence[tuple[float, str]], most: int = 8) -> list[tuple[float, str]]:
    return list(marks[:: -(-len(marks) // most) or 1])
