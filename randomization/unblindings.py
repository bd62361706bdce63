"""Who was unblinded, by whom, when and why. Nothing here tells an arm."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db.models import QuerySet

from randomization.models import Allocation, Unblinding, UnblindingDecision
from trial.accounts.models import User
from trial.accounts.permissions import Permission
from trial.accounts.roles import BY_KEY
from trial.people.models import Membership, Participant, Site
from trial.people.selectors import has_permission
from trial.protocol.models import Trial
from trial.protocol.schema.trial import Unblinding as Rules
from trial.protocol.selectors import blinded_trials, protocols_so_far


@dataclass(frozen=True)
class Asked:
    """One request and what was decided about it."""

    unblinding: Unblinding
    decision: UnblindingDecision | None

    @property
    def is_released(self) -> bool:
        return self.decision is not None and self.decision.released

    @property
    def is_refused(self) -> bool:
        return self.decision is not None and not self.decision.released


@dataclass(frozen=True)
class Reported:
    """The same in the report, with what the asker was at that time."""

    asked: Asked
    roles: str


@dataclass(frozen=True)
class Report:
    """All requests of some sites, and how many were released of each role and site."""

    rows: list[Reported]
    by_role: list[tuple[str, int]]
    by_site: list[tuple[str, int]]

    @property
    def released(self) -> int:
        return sum(row.asked.is_released for row in self.rows)


def rules_of(trial: Trial) -> Rules | None:
    """How the trial unblinds in an emergency; None where nobody is blinded.

    As the latest version says that says how: an amendment that leaves the rules out does not loosen them.
    """
    if trial.pk not in blinded_trials([trial.pk]):
        return None
    said = (protocol.randomization.unblinding for protocol in reversed(protocols_so_far(trial)))
    return next((rules for rules in said if rules), Rules())


def may_be_unblinded(participant: Participant) -> bool:
    """In a blinded trial, once randomized."""
    randomized = Allocation.objects.filter(participant=participant).exists()
    return randomized and rules_of(participant.trial) is not None


def unblindings_of(participant: Participant) -> list[Asked]:
    """All requests about one participant, the oldest first."""
    return _with_decisions(Unblinding.objects.filter(participant=participant))


def asked_about(participant: Participant, number: int) -> Asked | None:
    """One of them, by its number."""
    return next((one for one in unblindings_of(participant) if one.unblinding.pk == number), None)


def may_decide(user: User, asked: Asked) -> bool:
    """Whether a request waits for this user: never the one who asked."""
    unblinding = asked.unblinding
    return (
        asked.decision is None
        and unblinding.by_id != user.pk
        and has_permission(user, Permission.UNBLIND, site=unblinding.participant.site)
    )


def waiting_for(user: User, sites: Collection[Site]) -> list[Asked]:
    """The requests at these sites that this user may decide about."""
    undecided = Unblinding.objects.filter(participant__site__in=sites).exclude(
        pk__in=UnblindingDecision.objects.values("unblinding")
    )
    return [one for one in _with_decisions(undecided) if may_decide(user, one)]


def unblinded_count(trial: Trial) -> int:
    """How many participants somebody was told the arm of in an emergency."""
    released = UnblindingDecision.objects.filter(unblinding__participant__trial=trial, released=True)
    return released.values("unblinding__participant").distinct().count()


def report(sites: Collection[Site]) -> Report:
    """Every request at these sites, the oldest first."""
    asked = _with_decisions(Unblinding.objects.filter(participant__site__in=sites))
    held = list(Membership.objects.filter(user__in={one.unblinding.by_id for one in asked}))
    rows = [Reported(one, _roles_then(one.unblinding, held)) for one in asked]
    released = [row for row in rows if row.asked.is_released]
    return Report(
        rows,
        _counted(row.roles for row in released),
        _counted(row.asked.unblinding.participant.site.name for row in released),
    )


def _with_decisions(unblindings: QuerySet[Unblinding]) -> list[Asked]:
    found = list(unblindings.select_related("participant__site", "participant__trial", "by").order_by("pk"))
    decided = UnblindingDecision.objects.filter(unblinding__in=found).select_related("by")
    decisions = {decision.unblinding_id: decision for decision in decided}
    return [Asked(one, decisions.get(one.pk)) for one in found]


def _roles_then(unblinding: Unblinding, held: Iterable[Membership]) -> str:
    """What the asker was at the participant's site when they asked."""
    site, at = unblinding.participant.site, unblinding.at
    roles = {
        str(BY_KEY[one.role].name)
        for one in held
        if one.user_id == unblinding.by_id
        and one.trial_id in (None, site.trial_id)
        and one.site_id in (None, site.pk)
        and one.granted_at <= at
        and (one.ended_at is None or one.ended_at > at)
    }
    return ", ".join(sorted(roles)) or "–"


def _counted(names: Iterable[str]) -> list[tuple[str, int]]:
    return sorted(Counter(names).items())
