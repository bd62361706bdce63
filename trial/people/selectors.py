"""Reads: who may do what where, and what holds for participants. Nothing here opens an identity."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple, TypeAlias

from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.db.models import F, Q, QuerySet

from trial.accounts.models import User
from trial.accounts.permissions import Permission
from trial.accounts.roles import BY_KEY
from trial.core.db import rows
from trial.people.facts import ABOUT_CONTACT, Barrier, Facts, StatusRow, read_facts
from trial.people.identity import blind_index
from trial.people.models import Membership, Participant, ParticipantStatus, Site, Status
from trial.protocol.models import Trial
from trial.protocol.selectors import blinded_trials

Someone: TypeAlias = User | AnonymousUser

TELLS_ARM = (Permission.VIEW_ARM, Permission.MANAGE_CASE)
"""What a blinded trial grants only with VIEW_BLINDED_ARM: that there is a case tells the arm as well."""

HAPPENED = """
SELECT participant_id, name, at, until
  FROM people_participantstatus
 WHERE participant_id = ANY(%(participants)s) AND name = ANY(%(names)s)
 ORDER BY at, id
"""


def memberships(user: Someone) -> QuerySet[Membership]:
    """The roles that a user holds now; none for who is anonymous or may not log in."""
    if not user.is_authenticated or not user.is_active:
        return Membership.objects.none()
    return Membership.objects.filter(user=user, ended_at=None).select_related("trial", "site")


def has_permission(
    user: Someone, permission: Permission, *, trial: Trial | None = None, site: Site | None = None
) -> bool:
    """Whether the user may: at this site, in this whole trial, or (with neither) anywhere at all.

    A role at one site never counts for the whole trial. In a blinded trial few may know an arm (TELLS_ARM).
    """
    return grants_permission(granting(user, permission), permission, trial=trial, site=site)


def grants_permission(
    held: Iterable[Membership],
    permission: Permission,
    *,
    trial: Trial | None = None,
    site: Site | None = None,
) -> bool:
    """Whether any of these memberships, all granting the permission, reaches so far."""
    where = site.trial_id if site else trial and trial.pk
    if where and permission in TELLS_ARM and where in blinded_trials([where]):
        held = [m for m in held if _unblinded(m.role)]
    if site is not None:
        return any(m.trial_id in (None, site.trial_id) and m.site_id in (None, site.pk) for m in held)
    if trial is not None:
        return any(m.trial_id in (None, trial.pk) and m.site_id is None for m in held)
    return any(True for _ in held)


def granting(user: Someone, permission: Permission) -> QuerySet[Membership]:
    """The user's memberships whose role has the permission; of trial and site their ids."""
    return memberships(user).select_related(None).filter(role__in=_roles_with(permission))


def _roles_with(permission: Permission) -> list[str]:
    return [key for key, role in BY_KEY.items() if permission in role.permissions]


def _unblinded(role: str) -> bool:
    return Permission.VIEW_BLINDED_ARM in BY_KEY[role].permissions


def sites_for(user: Someone, permission: Permission) -> QuerySet[Site]:
    """The sites at which the user may."""
    return Site.objects.filter(_reach(user, permission, site="pk", trial="trial"))


def trials_for(user: Someone, permission: Permission) -> QuerySet[Trial]:
    """The trials in which the user may, at one site at least."""
    return Trial.objects.filter(_reach(user, permission, site="sites", trial="pk")).distinct()


def participants_for(user: Someone, permission: Permission) -> QuerySet[Participant]:
    """The participants of the sites at which the user may."""
    reach = _reach(user, permission, site="site", trial="trial")
    return Participant.objects.filter(reach).select_related("trial", "site")


def users_with(permission: Permission, *, site: Site) -> QuerySet[User]:
    """The users who may at this site: to choose colleagues from."""
    return members(_roles_with(permission), site=site)


def members(roles: Collection[str], *, site: Site) -> QuerySet[User]:
    """The users who have one of these roles at this site, in its whole trial or in the installation."""
    held = Membership.objects.filter(
        Q(trial=None) | Q(trial=site.trial_id), Q(site=None) | Q(site=site), ended_at=None, role__in=roles
    )
    return User.objects.filter(is_active=True, pk__in=held.values("user"))


def _reach(user: Someone, permission: Permission, *, site: str, trial: str) -> Q:
    held = list(granting(user, permission))
    reach = _reached_by(held, site=site, trial=trial)
    blinded = blinded_trials() if permission in TELLS_ARM and held else set()
    everywhere = _reached_by([m for m in held if _unblinded(m.role)], site=site, trial=trial)
    if not blinded or not everywhere:
        return reach
    return reach & ~Q(**{f"{trial}__in": blinded}) | everywhere


def _reached_by(held: Collection[Membership], *, site: str, trial: str) -> Q:
    """An empty condition where it is everywhere."""
    if any(m.trial_id is None for m in held):
        return Q()
    whole_trials = {m.trial_id for m in held if m.site_id is None}
    return Q(**{f"{trial}__in": whole_trials}) | Q(**{f"{site}__in": {m.site_id for m in held if m.site_id}})


def participants_by_phone(phone: str) -> QuerySet[Participant]:
    """Everybody who gave this phone (E.164), in any trial; a family may share one."""
    return Participant.objects.filter(identity__phone_index=blind_index(phone, field="phone"))


def participants_by_phone_indexes(indexes: Collection[bytes]) -> dict[bytes, list[Participant]]:
    """The same for many numbers of which only the blind index is known, in one query."""
    found: dict[bytes, list[Participant]] = defaultdict(list)
    owners = Participant.objects.filter(identity__phone_index__among=indexes)
    for one in owners.annotate(phone_index=F("identity__phone_index")).order_by("pk"):
        found[bytes(one.phone_index)].append(one)
    return dict(found)


ONLY_TRIALS = """
SELECT identity.phone_index, min(participant.trial_id)
  FROM people_identityrecord AS identity
  JOIN people_participant AS participant ON participant.id = identity.participant_id
 WHERE identity.phone_index = ANY(%s)
 GROUP BY identity.phone_index
HAVING count(DISTINCT participant.trial_id) = 1
"""


def only_trials_by_phone_indexes(indexes: Collection[bytes]) -> dict[bytes, int]:
    """The trial, by its id, that alone knows a number; a number that none or several know is missing."""
    with connection.cursor() as cursor:
        cursor.execute(ONLY_TRIALS, [list(indexes)])
        return dict(cursor.fetchall())


def statuses(participant: Participant) -> QuerySet[ParticipantStatus]:
    """All that happened to the participant, oldest first."""
    return ParticipantStatus.objects.filter(participant=participant).select_related("by")


def current_facts(participants: Iterable[Participant | int], now: datetime) -> dict[int, Facts]:
    """What holds at `now` for each participant (given as objects or ids), in one query."""
    ids = _ids(participants)
    return dict.fromkeys(ids, Facts()) | _facts(ids, Status.values, now)


def facts(participant: Participant, now: datetime) -> Facts:
    """What holds for one participant at `now`."""
    return current_facts([participant], now)[participant.pk]


def contact_barriers(participants: Iterable[Participant | int], now: datetime) -> dict[int, Barrier]:
    """Whom of these we may not contact at `now`, and why; who is missing from the answer may be contacted."""
    found = _facts(_ids(participants), ABOUT_CONTACT, now)
    return {pk: known.barrier for pk, known in found.items() if known.barrier is not None}


def _ids(participants: Iterable[Participant | int]) -> list[int]:
    return [p if isinstance(p, int) else p.pk for p in participants]


class _Happened(NamedTuple):
    participant_id: int
    name: str
    at: datetime
    until: datetime | None


def _facts(ids: list[int], names: Sequence[str], now: datetime) -> dict[int, Facts]:
    """What holds as far as the statuses with these names tell; whom none is about is left out."""
    happened: dict[int, list[StatusRow]] = defaultdict(list)
    for row in rows(_Happened, HAPPENED, {"participants": ids, "names": list(names)}):
        happened[row.participant_id].append(row)
    return {pk: read_facts(told, now) for pk, told in happened.items()}


def without_data_withdrawn(participants: QuerySet[Participant]) -> QuerySet[Participant]:
    """Those whose data may be exported and analysed."""
    return participants.exclude(statuses__name=Status.WITHDRAWN_DATA)


def grants_everywhere(user: Someone) -> bool:
    """Whether the user gives roles in the whole installation."""
    return granting(user, Permission.MANAGE_MEMBERS).filter(trial=None).exists()


def trials_to_grant_in(user: Someone) -> QuerySet[Trial]:
    """The trials in which the user gives roles."""
    if grants_everywhere(user):
        return Trial.objects.all()
    held = granting(user, Permission.MANAGE_MEMBERS).filter(site=None)
    return Trial.objects.filter(pk__in=held.values("trial"))


def users_to_grant_to(user: Someone) -> QuerySet[User]:
    """Whom the user may know of as a giver of roles: who works or worked in these trials, and who works
    nowhere yet or any more. The staff of other trials is not told."""
    if grants_everywhere(user):
        return User.objects.all()
    here = Membership.objects.filter(trial__in=trials_to_grant_in(user))
    somewhere = Membership.objects.filter(ended_at=None)
    return User.objects.filter(Q(pk__in=here.values("user")) | ~Q(pk__in=somewhere.values("user")))


def may_manage_members(user: Someone) -> QuerySet[Membership]:
    """The memberships, ended ones too, of the trials in which the user grants them."""
    seen = Membership.objects.select_related("user", "trial", "site", "granted_by")
    return seen if grants_everywhere(user) else seen.filter(trial__in=trials_to_grant_in(user))
