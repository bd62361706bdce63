"""The statistician's last act."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from randomization import selectors, services
from randomization.commitments import reveal_of
from randomization.errors import NotOver
from randomization.views.sealing import done
from trial.accounts.forms import ConfirmForm
from trial.accounts.permissions import Permission
from trial.core.clock import now
from trial.people.access import access_trial, requires, staff
from trial.protocol.selectors import is_locked, protocol_of


@require_http_methods(["GET", "POST"])
@requires(Permission.SEAL_LIST)
def reveal(request: HttpRequest, slug: str) -> HttpResponse:
    """Asks for the password, then publishes list, nonce and seed."""
    trial = access_trial(request.user, slug, Permission.SEAL_LIST)
    sealed = selectors.sealed_list(trial)
    if sealed is None:
        raise Http404
    form = ConfirmForm(staff(request), request.POST or None, now=now())

    def act() -> str:
        services.reveal_list(trial=trial, by=staff(request), now=now())
        return _("The list is revealed: anybody can check it now.")

    if done(request, form, act):
        return redirect("randomization:commitment", slug=slug)
    context = {
        "trial": trial,
        "protocol": protocol_of(sealed.protocol_version),
        "reveal": reveal_of(sealed),
        "refused": "" if is_locked(trial) else str(NotOver()),
        "form": form,
    }
    return render(request, "randomization/reveal.html", context)
