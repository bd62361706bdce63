"""The statistician's desk."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from randomization import selectors, services
from randomization.design import design_of
from randomization.designs import Design, PairDesign
from randomization.errors import DesignRefused
from randomization.names import Names, is_at_once
from trial.accounts.forms import ConfirmForm
from trial.accounts.permissions import Permission
from trial.core.clock import now
from trial.core.errors import DomainError
from trial.people.access import access_trial, requires, staff
from trial.people.selectors import has_permission
from trial.protocol.models import ProtocolVersion, Trial
from trial.protocol.selectors import active_version, study_of


@require_GET
@requires(Permission.VIEW_RANDOMIZATION_DESIGN)
def desk(request: HttpRequest, slug: str) -> HttpResponse:
    """The design, whether it is sealed, and how much of each list is used. No arm, nothing to come."""
    trial = access_trial(request.user, slug, Permission.VIEW_RANDOMIZATION_DESIGN)
    return render(request, "randomization/desk.html", _desk(request, trial))


def _desk(request: HttpRequest, trial: Trial) -> dict[str, object]:
    sealed = selectors.sealed_list(trial)
    study = study_of(sealed.protocol_version if sealed else in_force(trial))
    design = design_of(study.protocol)
    names = Names(study, get_language() or study.protocol.language)
    return {
        "trial": trial,
        "protocol": study.protocol,
        "design": design,
        "facts": names.facts(design),
        "units": names.units(design),
        "in_pairs": isinstance(design, PairDesign),
        "sealed": sealed,
        "counts": [
            (names.stratum(one.key), one)
            for one in selectors.stratum_counts(trial)
            if not is_at_once(design, one.key)
        ],
        "waiting": selectors.waiting_sites(trial),
        "may_allocate_sites": has_permission(request.user, Permission.SEAL_LIST, trial=trial),
        "refused": _refusal(design),
        "may_reserve": has_permission(request.user, Permission.RESERVE_ENVELOPES, trial=trial),
        "may_seal": not sealed and has_permission(request.user, Permission.SEAL_LIST, trial=trial),
    }


def in_force(trial: Trial) -> ProtocolVersion:
    try:
        return active_version(trial)
    except ProtocolVersion.DoesNotExist:
        raise Http404 from None


def _refusal(design: Design) -> str:
    try:
        design.refuse_what_can_be_guessed()
    except DesignRefused as refused:
        return str(refused)
    return ""


@require_http_methods(["GET", "POST"])
@requires(Permission.SEAL_LIST)
def seal(request: HttpRequest, slug: str) -> HttpResponse:
    """Asks for the password, then makes and seals the list."""
    trial = access_trial(request.user, slug, Permission.SEAL_LIST)
    form = ConfirmForm(staff(request), request.POST or None, now=now())
    if request.method == "POST" and form.is_valid():
        try:
            services.seal_lists(trial=trial, by=staff(request), now=now())
        except DomainError as refused:
            messages.error(request, str(refused))
        else:
            messages.success(request, _("The list is sealed, and its commitment is public."))
        return redirect("randomization:desk", slug=slug)
    return render(request, "randomization/seal.html", {**_desk(request, trial), "form": form})
