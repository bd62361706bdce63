"""Design reports: asked for on a page, computed by a worker beside it."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from time import monotonic

from django.db import transaction
from django.db.models import Q, QuerySet

from randomization.assessment.scope import refuse_what_cannot_be_assessed
from randomization.designs import Design, design_from
from randomization.models import DesignReport
from trial.accounts.models import User
from trial.core import chance
from trial.messaging.services import wake_sweep
from trial.protocol.models import Trial

MAKE_REPORTS = "randomization.tasks.make_due_reports"
PATIENCE = timedelta(minutes=10)
"""By then a report is ready, or its worker is gone."""
GIVE_UP = timedelta(hours=1)
"""A report that still ends its workers after this long is not tried again."""
SEEDS = 2**32
_STEP = 5
"""Percent between two notes of progress."""

logger = logging.getLogger(__name__)


@transaction.atomic
def ask_for_report(
    *, trial: Trial, designs: Sequence[Design], participants: int, by: User, now: datetime
) -> DesignReport:
    """Ask for what one or two designs lead to, and wake a worker. Raises DesignRefused with the reason."""
    for design in designs:
        refuse_what_cannot_be_assessed(design, participants)
    report = DesignReport.objects.create(
        trial=trial,
        question={
            "designs": [design.as_json() for design in designs],
            "participants": participants,
            "seed": chance.below(SEEDS),
        },
        asked_at=now,
        asked_by=by,
    )
    wake_sweep(MAKE_REPORTS)
    return report


def make_due_reports(*, now: datetime) -> int:
    """Compute what waits, and what a worker began and did not finish. Returns how many were made.

    Each report is claimed when its turn comes, and its progress is committed while it is computed. What fails
    is kept with the name of its error; nothing of a design comes into the log.
    """
    made = 0
    while report := _claim(now):
        began = monotonic()
        try:
            answer = _compute(report)
        except Exception as error:
            logger.error("Design report %s could not be computed: %s", report.pk, type(error).__name__)
            _mine(report).update(error=type(error).__name__)
        else:
            made += _mine(report).update(answer=answer, progress=100)
        now += timedelta(seconds=monotonic() - began)
    return made


def _claim(now: datetime) -> DesignReport | None:
    """The one that has waited longest, claimed with an UPDATE that must hit one row."""
    unfinished = DesignReport.objects.filter(answer__isnull=True, error="")
    unfinished.filter(claimed_at__lt=now - PATIENCE, asked_at__lt=now - GIVE_UP).update(error="TimeoutError")
    waiting = unfinished.filter(Q(claimed_at=None) | Q(claimed_at__lt=now - PATIENCE))
    for report in waiting.order_by("asked_at"):
        if waiting.filter(pk=report.pk, claimed_at=report.claimed_at).update(claimed_at=now, progress=0):
            report.claimed_at = now
            return report
    return None


def _mine(report: DesignReport) -> QuerySet[DesignReport]:
    """The row, unless another worker has claimed it since."""
    return DesignReport.objects.filter(pk=report.pk, claimed_at=report.claimed_at, answer__isnull=True)


def _compute(report: DesignReport) -> dict[str, object]:
    from randomization.assessment.report import assess  # SciPy takes most of a second to import

    question = report.question
    designs = [design_from(plan) for plan in question["designs"]]
    answers: list[dict[str, object]] = []
    told = 0

    def note(share: float) -> None:
        nonlocal told
        percent = int(100 * (len(answers) + share) / len(designs))
        if told + _STEP <= percent < 100:
            told = percent
            _mine(report).update(progress=percent)

    for design in designs:
        answers.append(
            assess(design, participants=question["participants"], seed=question["seed"], progress=note)
        )
    return {"seed": question["seed"], "designs": answers}
