"""Answers Django's `user.has_perm` from memberships."""

from trial.accounts.models import User
from trial.accounts.permissions import Permission
from trial.accounts.roles import BY_KEY
from trial.people.models import Membership, Site
from trial.people.selectors import grants_permission, memberships
from trial.protocol.models import Trial


class MembershipBackend:
    """Grants the permissions of `trial.accounts.permissions`; authenticates nobody.

    A user object's memberships are read once, so that a page of the office asks the database once.
    """

    def authenticate(self, request: object, **credentials: object) -> None:
        return None

    def has_perm(self, user: User, permission: str, obj: object = None) -> bool:
        """Anywhere (no `obj`), in a whole trial, or at a site."""
        if permission not in Permission:
            return False
        held = [m for m in _held(user) if permission in BY_KEY[m.role].permissions]
        if isinstance(obj, Site):
            return grants_permission(held, site=obj)
        if isinstance(obj, Trial):
            return grants_permission(held, trial=obj)
        return obj is None and bool(held)


def _held(user: User) -> list[Membership]:
    if not hasattr(user, "_memberships"):
        user._memberships = list(memberships(user))  # type: ignore[attr-defined]
    return user._memberships  # type: ignore[attr-defined, no-any-return]
