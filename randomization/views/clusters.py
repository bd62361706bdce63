"""Sites that join a cluster trial late."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from randomization import selectors, services
from randomization.views.sealing import done
from randomization.views.versions import in_force
from trial.accounts.forms import ConfirmForm
from trial.accounts.permissions import Permission
from trial.core.clock import now
from trial.people.access import access_trial, requires, staff
from trial.protocol.selectors import protocol_of


@require_http_methods(["GET", "POST"])
@requires(Permission.SEAL_LIST)
def late_site(request: HttpRequest, slug: str, site: str) -> HttpResponse:
    """Asks for the password, then gives the site, or its pair, the next late place. Shows no arm."""
    trial = access_trial(request.user, slug, Permission.SEAL_LIST)
    joined = get_object_or_404(trial.sites, key=site)
    form = ConfirmForm(staff(request), request.POST or None, now=now())

    def act() -> str:
        services.allocate_late_site(site=joined, by=staff(request), now=now())
        return _("The site is randomized.")

    if done(request, form, act):
        return redirect("randomization:desk", slug=slug)
    together = next((some for some in selectors.waiting_sites(trial) if joined in some), [])
    context = {"trial": trial, "protocol": protocol_of(in_force(trial)), "together": together, "form": form}
    return render(request, "randomization/late_site.html", context)
