"""The statistician's envelopes: reserve, print, account for every one. No page tells what one holds."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from randomization import services
from randomization.envelope_forms import ReserveForm, ReturnForm
from randomization.envelopes import Account, accounts, refuse_envelopes, strata_of
from randomization.models import Envelope
from randomization.services.envelopes import last_number
from randomization.views.downloads import download
from randomization.views.versions import in_force
from trial.accounts.forms import ConfirmForm
from trial.accounts.permissions import Permission
from trial.core.clock import now
from trial.core.errors import DomainError, refusal
from trial.core.forms import tried
from trial.people.access import access_trial, requires, staff
from trial.people.models import Site
from trial.protocol.models import Trial, TrialStatus
from trial.protocol.selectors import protocol_of, status_of

forms = require_http_methods(["GET", "POST"])


def _trial(request: HttpRequest, slug: str) -> Trial:
    return access_trial(request.user, slug, Permission.RESERVE_ENVELOPES)


def _site(request: HttpRequest, slug: str, key: str) -> Site:
    sites = Site.objects.select_related("trial")
    return get_object_or_404(sites, trial=_trial(request, slug), key=key)


def _said(request: HttpRequest, trial: Trial, **more: Any) -> dict[str, Any]:
    return {"trial": trial, "protocol": protocol_of(in_force(trial)), **more}


@never_cache
@require_GET
@requires(Permission.RESERVE_ENVELOPES)
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    """Every site with how many envelopes are reserved, used, returned and still out."""
    trial = _trial(request, slug)
    sites = accounts(trial.sites.all(), get_language() or "")
    totals = {
        "reserved": sum(len(one.tracked) for one in sites),
        "used": sum(one.used for one in sites),
        "returned": sum(one.returned for one in sites),
        "out": sum(one.out for one in sites),
    }
    ended = status_of(trial) in (TrialStatus.Name.CLOSED, TrialStatus.Name.LOCKED)
    context = _said(request, trial, accounts=sites, totals=totals, ended=ended)
    return render(request, "randomization/envelopes.html", context)


@never_cache
@forms
@requires(Permission.RESERVE_ENVELOPES)
def site(request: HttpRequest, slug: str, site: str) -> HttpResponse:
    """The site's envelopes, and more of them after the password."""
    one = _site(request, slug, site)
    if refused := refusal(lambda: refuse_envelopes(one)):
        return _render_site(request, one, refused=refused)
    form = ReserveForm(
        staff(request),
        strata_of(one),
        request.POST or None,
        after=last_number(one),
        language=get_language() or "",
        now=now(),
    )
    if form.is_valid() and tried(form, lambda: _reserve(request, one, form)):
        return redirect("randomization:site_envelopes", slug, site)
    return _render_site(request, one, form=form)


def _reserve(request: HttpRequest, site: Site, form: ReserveForm) -> None:
    after, by = form.cleaned_data["after"], staff(request)
    reserved = services.reserve_envelopes(site=site, counts=form.counts, after=after, by=by, now=now())
    done = ngettext("%(number)s envelope is reserved.", "%(number)s envelopes are reserved.", len(reserved))
    messages.success(request, done % {"number": len(reserved)})


def _render_site(request: HttpRequest, site: Site, **more: Any) -> HttpResponse:
    context = _said(request, site.trial, site=site, account=_account(site), **more)
    return render(request, "randomization/envelopes_site.html", context)


def _account(site: Site) -> Account:
    return accounts([site], get_language() or "")[0]


@never_cache
@forms
@requires(Permission.RESERVE_ENVELOPES)
def print_envelopes(request: HttpRequest, slug: str, site: str, number: int | None = None) -> HttpResponse:
    """After the password the PDF, of one envelope or of all that were not printed; it is kept nowhere."""
    one = _site(request, slug, site)
    if refusal(lambda: refuse_envelopes(one)):  # the site's page says why
        return redirect("randomization:site_envelopes", slug, site)
    waiting = [each.envelope.number for each in _account(one).to_print]
    numbers = waiting if number is None else [each for each in waiting if each == number]
    form = ConfirmForm(staff(request), request.POST or None, now=now())
    if form.is_valid():
        try:
            pdf = services.print_envelopes(site=one, numbers=numbers, by=staff(request), now=now())
        except DomainError as refused:
            form.add_error(None, str(refused))
        else:
            return download("envelopes.pdf", pdf)
    context = _said(request, one.trial, site=one, form=form, numbers=numbers)
    return render(request, "randomization/envelopes_print.html", context)


@never_cache
@forms
@requires(Permission.RESERVE_ENVELOPES)
def give_back(request: HttpRequest, slug: str, site: str, number: int) -> HttpResponse:
    """An envelope will never be used, and why."""
    one = _site(request, slug, site)
    envelope = get_object_or_404(Envelope, site=one, number=number)
    form = ReturnForm(one.trial, request.POST or None)
    if form.is_valid() and tried(
        form,
        lambda: services.return_envelope(
            envelope=envelope, by=staff(request), now=now(), **form.cleaned_data
        ),
    ):
        messages.success(request, _("It is recorded."))
        return redirect("randomization:site_envelopes", slug, site)
    context = _said(request, one.trial, site=one, form=form, envelope=envelope)
    return render(request, "randomization/envelopes_return.html", context)
