"""Who waits for the coordinator, and for what: one query each, over the participants somebody may see."""

from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from randomization.selectors import allocated
from screening.models import Verification
from trial.accounts.permissions import Permission
from trial.people.models import Participant, Status

LEFT = (
    Status.WITHDRAWN_INTERVENTION,
    Status.WITHDRAWN_CONTACT,
    Status.WITHDRAWN_DATA,
    Status.DIED,
    Status.COMPLETED,
)

Rows = QuerySet[Participant]


@dataclass(frozen=True)
class Worklist:
    """One kind of waiting."""

    key: str
    title: Promise
    what: Promise
    permission: Permission
    among: Callable[[Rows], Rows]


def waiting_for_baseline(participants: Rows) -> Rows:
    """Registered, but the first questionnaire is not finished."""
    return _still_here(participants).exclude(statuses__name=Status.BASELINE_COMPLETED)


def to_verify(participants: Rows) -> Rows:
    """Baseline finished, and nobody has gone through the criteria."""
    waiting = _still_here(participants).filter(statuses__name=Status.BASELINE_COMPLETED)
    return waiting.exclude(pk__in=Verification.objects.values("participant"))


def to_randomize(participants: Rows) -> Rows:
    """Verified as eligible by the latest decision, and not randomized."""
    decisions = Verification.objects.filter(participant=OuterRef("pk")).order_by("-pk").values("eligible")
    verified = _still_here(participants).annotate(verdict=Subquery(decisions[:1])).filter(verdict=True)
    return verified.exclude(pk__in=allocated().values("pk"))


def _still_here(participants: Rows) -> Rows:
    return participants.exclude(statuses__name__in=LEFT)


WORKLISTS = (
    Worklist(
        "verify",
        _("To verify"),
        _("The baseline questionnaire is finished; the criteria wait for you."),
        Permission.VERIFY_ELIGIBILITY,
        to_verify,
    ),
    Worklist(
        "randomize",
        _("To randomize"),
        _("Verified as eligible and ready."),
        Permission.RANDOMIZE,
        to_randomize,
    ),
    Worklist(
        "baseline",
        _("Waiting for baseline"),
        _("Registered, but the first questionnaire is not finished."),
        Permission.VIEW_PARTICIPANT,
        waiting_for_baseline,
    ),
)
BY_KEY = {worklist.key: worklist for worklist in WORKLISTS}
