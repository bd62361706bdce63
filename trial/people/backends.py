"""Answers Django's `user.has_perm` from memberships."""

from trial.accounts.permissions import Permission
from trial.accounts.roles import BY_KEY
from trial.people.models import Membership, Site
from trial.people.selectors import Someone, grants_permission, memberships
from trial.protocol.models import Trial


class MembershipBackend:
    """Grants the permissions of `trial.accounts.permissions`; authenticates nobody.

    A user object's memberships are read once, so that a page of the office asks the database once.
    """

    def authenticate(self, request: object, **credentials: object) -> None:
        """Nobody: logging in is allauth's."""

    def has_perm(self, user_obj: Someone, perm: str, obj: object = None) -> bool:
        """Anywhere (no `obj`), in a whole trial, at a site, or where something belongs."""
        if perm not in set(Permission):
            return False
        held = [m for m in _held(user_obj) if perm in BY_KEY[m.role].permissions]
        place = _place(obj)
        if isinstance(place, Site):
            return grants_permission(held, Permission(perm), site=place)
        if isinstance(place, Trial):
            return grants_permission(held, Permission(perm), trial=place)
        return obj is None and bool(held)


def _place(obj: object) -> object:
    """The site of a participant's row, or the site or trial that `obj` is or belongs to."""
    owner = getattr(obj, "participant", obj)
    if isinstance(owner, Site | Trial):
        return owner
    return getattr(owner, "site", None) or getattr(owner, "trial", None)


def _held(user: Someone) -> list[Membership]:
    if not hasattr(user, "_memberships"):
        user._memberships = list(memberships(user))  # type: ignore[union-attr]
    return user._memberships  # type: ignore[union-attr]
