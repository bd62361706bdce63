"""The doors. A view reaches a trial or a participant through one of these, or not at all.

Whoever may not know that something exists is answered as if it did not: 404.
"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponseBase

from trial.accounts.models import User
from trial.accounts.permissions import Permission
from trial.audit.context import become
from trial.audit.middleware import PARTICIPANT_SESSION_KEY as SESSION_KEY
from trial.people.models import Participant
from trial.people.selectors import Someone, has_permission, participants_for
from trial.people.study_id import read_study_id
from trial.protocol.models import Trial

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def requires(*permissions: Permission) -> Callable[[View[P]], View[P]]:
    """The view is for staff who have one of these somewhere; the view's door decides about the object."""

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if not any(has_permission(request.user, permission) for permission in permissions):
                raise Http404
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def staff(request: HttpRequest) -> User:
    """Who asks, in a view that lets in only who is logged in."""
    if not isinstance(request.user, User):
        raise Http404
    return request.user


def access_participant(user: Someone, key: str | int, permission: Permission) -> Participant:
    """The participant by study id (however typed) or primary key, at a site where the user may; else 404."""
    wanted = {"pk": key} if isinstance(key, int) else {"study_id": read_study_id(key)}
    participant = participants_for(user, permission).filter(**wanted).first()
    if participant is None:
        raise Http404
    return participant


def access_trial(user: Someone, slug: str, permission: Permission) -> Trial:
    """The trial, where the user may in all of it; else 404."""
    trial = Trial.objects.filter(slug=slug).first()
    if trial is None or not has_permission(user, permission, trial=trial):
        raise Http404
    return trial


def own_participant(request: HttpRequest) -> Participant | None:
    """Whose session this is, after a code was redeemed; None where nobody's, or where the data was
    withdrawn."""
    return (
        Participant.objects.filter(study_id=request.session.get(SESSION_KEY), identity__erased_at=None)
        .select_related("trial", "site")
        .first()
    )


def enter(request: HttpRequest, participant: Participant) -> None:
    """From here on the session is the participant's. A staff member's own log-in in this browser ends."""
    request.session.flush()
    request.session[SESSION_KEY] = participant.study_id
    become(f"participant:{participant.study_id}")


def leave(request: HttpRequest) -> None:
    """The session is nobody's."""
    request.session.flush()
