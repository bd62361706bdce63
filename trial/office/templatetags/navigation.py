"""The staff pages' navigation: the rooms that this person may enter, and no others."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from django import template
from django.urls import reverse
from django.utils.translation import gettext as _

from expertteam.selectors import cases_for
from trial.accounts.models import User
from trial.accounts.permissions import Permission
from trial.people import selectors

register = template.Library()


@dataclass(frozen=True)
class Room:
    name: str
    address: str
    here: bool = False


@register.inclusion_tag("parts/navigation.html", takes_context=True)
def navigation(context: dict[str, Any]) -> dict[str, Any]:
    request = context["request"]
    if not request.user.is_authenticated:
        return {"rooms": []}
    rooms = [replace(room, here=request.path.startswith(room.address)) for room in rooms_of(request.user)]
    return {"rooms": rooms}


def rooms_of(user: User) -> Iterator[Room]:
    if selectors.has_permission(user, Permission.VIEW_OFFICE):
        yield Room(_("Office"), reverse("admin:index"))
    if selectors.has_permission(user, Permission.VIEW_CASE) or cases_for(user).exists():
        yield Room(_("Cases"), reverse("expertteam:cases"))
    yield from _rooms_of_trials(user, Permission.VIEW_DATA_ROOM, _("Data room"), "analysis:room")
    yield from _rooms_of_trials(
        user, Permission.VIEW_RANDOMIZATION_DESIGN, _("Randomization"), "randomization:desk"
    )


def _rooms_of_trials(user: User, permission: Permission, name: str, view: str) -> Iterator[Room]:
    """One room, or one for each trial with the trial's name, where somebody works in several."""
    trials = list(selectors.trials_for(user, permission))
    for trial in trials:
        yield Room(name if len(trials) == 1 else f"{name}: {trial}", reverse(view, args=[trial.slug]))
