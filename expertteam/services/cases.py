"""Cases open by themselves; people put teams together."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from expertteam.errors import CaseClosed, MayNotManage, NotAnExpert, NotOnTeam
from expertteam.models import Case, CaseMember
from expertteam.selectors import LEFT, closed, is_member, leads, members_of, team_of
from randomization.selectors import allocated_participants, for_case_work
from trial.accounts.models import User
from trial.accounts.permissions import Permission
from trial.people.selectors import facts, has_permission
from trial.protocol.models import ProtocolVersion
from trial.protocol.selectors import protocol_of, versions_in_force


def open_cases(*, now: datetime) -> int:
    """Give every participant of the arm that has a team a case; how many are new.

    Idempotent, and whole after any crash: it asks who has none yet. Whoever withdrew before gets none.
    """
    return sum(_open_cases_by(version, now) for version in versions_in_force())


@transaction.atomic
def _open_cases_by(version: ProtocolVersion, now: datetime) -> int:
    team = protocol_of(version).expert_team
    if team is None:
        return 0
    waiting = (
        allocated_participants(version.trial)
        .exclude(pk__in=Case.objects.values("participant"))
        .exclude(statuses__name__in=LEFT)
    )
    opened = 0
    for participant in for_case_work(trial=version.trial, arm_key=team.arm, among=waiting).order_by("pk"):
        _case, created = Case.objects.get_or_create(
            participant=participant, defaults={"opened_at": now, "protocol_version": version}
        )
        opened += created
    return opened


@transaction.atomic
def assign(
    *, case: Case, user: User, profession: str, by: User, now: datetime, lead: bool = False
) -> CaseMember:
    """Put an expert on the team; on it already, the seat is taken over. A new lead takes the lead from the
    old one.

    Raises MayNotManage, NotAnExpert, CaseClosed.
    """
    must_manage(case, by)
    lock_open(case, now)
    if profession not in {one.key for one in team_of(case).professions}:
        raise NotAnExpert(_("The protocol knows no such profession."))
    if not has_permission(user, Permission.VIEW_CASE, site=case.participant.site):
        raise NotAnExpert(_("%(name)s does not work as an expert at this site.") % {"name": user})
    present = members_of(case).filter(user=user).first()
    if present is not None and present.profession == profession and present.lead == lead:
        return present
    if present is not None:
        CaseMember.objects.filter(pk=present.pk).update(until=now)
    if lead:
        members_of(case).filter(lead=True).update(lead=False)
    return CaseMember.objects.create(case=case, user=user, profession=profession, lead=lead, since=now)


@transaction.atomic
def end_assignment(*, member: CaseMember, by: User, now: datetime) -> None:
    """The member leaves the team and no longer sees the case. Left already, nothing changes. Raises
    MayNotManage."""
    must_manage(member.case, by)
    CaseMember.objects.filter(pk=member.pk, until=None).update(until=now)
    member.refresh_from_db()


def may_manage(case: Case, user: User) -> bool:
    """Whether the user puts the team together: who manages cases at the site, and the team's lead."""
    return has_permission(user, Permission.MANAGE_CASE, site=case.participant.site) or leads(user, case)


def may_write(case: Case, user: User) -> bool:
    """Whether the user writes in the case: an expert of the site who is on its team."""
    return is_member(user, case) and has_permission(user, Permission.WRITE_CASE, site=case.participant.site)


def must_manage(case: Case, user: User) -> None:
    if not may_manage(case, user):
        raise MayNotManage(_("Only the coordinator and the team's lead put the team together."))


def must_write(case: Case, user: User) -> None:
    if not may_write(case, user):
        raise NotOnTeam(_("Only the case's team can do this."))


def lock_open(case: Case, now: datetime) -> None:
    """One writer at a time. Raises CaseClosed when the participant has left."""
    Case.objects.select_for_update().get(pk=case.pk)
    if closed(facts(case.participant, now)):
        raise CaseClosed(_("The team no longer follows this participant. The case can be read, not changed."))
