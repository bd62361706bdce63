"""Sealing, by one or by two, and making a sealed list longer."""

from collections.abc import Callable
from hashlib import sha256

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from randomization import selectors, services
from randomization.importing import ListRefused, ListUnusual
from randomization.list_forms import ExtendForm, SealForm
from randomization.models import ListExtension, SealProposal
from randomization.names import Names
from randomization.views.desk import desk_of
from trial.accounts.forms import ConfirmForm
from trial.accounts.models import User
from trial.accounts.permissions import Permission
from trial.core.clock import now
from trial.core.errors import DomainError
from trial.people.access import access_trial, requires, staff
from trial.protocol.models import Trial
from trial.protocol.selectors import study_of


@require_http_methods(["GET", "POST"])
@requires(Permission.SEAL_LIST)
def seal(request: HttpRequest, slug: str) -> HttpResponse:
    """Asks for the file where the list is made elsewhere, and for the password; then seals, or proposes."""
    trial = access_trial(request.user, slug, Permission.SEAL_LIST)
    by, context = staff(request), desk_of(request, trial)
    form = SealForm(by, request.POST or None, request.FILES, imported=bool(context["imported"]), now=now())

    def act() -> str:
        as_it_is = form.cleaned_data.get("as_it_is", False)
        if context["two_persons"]:
            services.propose_list(trial=trial, by=by, now=now(), as_it_is=as_it_is, **form.uploaded)
            return _("The list is proposed. Another statistician can approve and seal it now.")
        services.seal_lists(trial=trial, by=by, now=now(), as_it_is=as_it_is, **form.uploaded)
        return _("The list is sealed, and its commitment is public.")

    if done(request, form, act):
        return _onward(trial, by)
    return render(request, "randomization/seal.html", {**context, "form": form})


@require_http_methods(["GET", "POST"])
@requires(Permission.SEAL_LIST)
def approve(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """What waits for a second person: the design, how many places a file has, and the password."""
    trial = access_trial(request.user, slug, Permission.SEAL_LIST)
    proposal = selectors.waiting_proposal(trial)
    if proposal is None or proposal.pk != number:
        messages.error(request, _("This proposal no longer waits: look at what the desk says now."))
        return redirect("randomization:desk", slug=slug)
    form = ConfirmForm(staff(request), request.POST or None, now=now())

    def act() -> str:
        made = services.approve_proposal(proposal=proposal, by=staff(request), now=now())
        if isinstance(made, ListExtension):
            return _("The list is longer now, and has a new commitment.")
        return _("The list is sealed, and its commitment is public.")

    if done(request, form, act):
        return redirect("randomization:desk", slug=slug)
    context = {**desk_of(request, trial), **_file(proposal), "form": form}
    return render(request, "randomization/approve.html", context)


def _file(proposal: SealProposal) -> dict[str, object]:
    """By what the file is known, how many places it has, what is unusual; never what they hold."""
    study = study_of(proposal.protocol_version)
    names = Names(study, get_language() or study.protocol.language)
    file = services.proposed_list(proposal)
    if file is None:
        return {}
    places = [(names.stratum(key), len(held)) for key, held in file.places.items() if held]
    return {
        "file": places,
        "rows": sum(count for _stratum, count in places),
        "sha256": sha256(file.file).hexdigest(),
        "notes": file.notes,
    }


@require_http_methods(["GET", "POST"])
@requires(Permission.SEAL_LIST)
def extend(request: HttpRequest, slug: str) -> HttpResponse:
    """Asks how many places there shall be, or for a second file, and for the password."""
    trial = access_trial(request.user, slug, Permission.SEAL_LIST)
    by, context = staff(request), desk_of(request, trial)
    if not context["may_extend"]:
        raise Http404
    by_two = bool(context["two_persons"] and context["imported"])
    form = ExtendForm(
        by,
        request.POST or None,
        request.FILES,
        imported=bool(context["imported"]),
        seen=len(selectors.extensions(trial)),
        now=now(),
    )

    def act() -> str:
        if by_two:
            services.propose_list(trial=trial, by=by, now=now(), **form.uploaded)
            return _("The file is proposed. Another statistician can approve and append it now.")
        services.extend_lists(
            trial=trial,
            by=by,
            places_per_stratum=form.cleaned_data.get("places"),
            seen=form.cleaned_data["seen"],
            now=now(),
            **form.uploaded,
        )
        return _("The list is longer now, and has a new commitment.")

    if done(request, form, act):
        return _onward(trial, by)
    return render(request, "randomization/extend.html", {**context, "form": form, "by_two": by_two})


def _onward(trial: Trial, by: User) -> HttpResponse:
    """To the desk; whoever has proposed reads first what the second person will read."""
    proposal = selectors.waiting_proposal(trial)
    if proposal and proposal.by == by:
        return redirect("randomization:approve", slug=trial.slug, number=proposal.pk)
    return redirect("randomization:desk", slug=trial.slug)


def done(request: HttpRequest, form: ConfirmForm, act: Callable[[], str]) -> bool:
    """Whether the page is left, after a confirmed act which gives the sentence to show; false before one.

    What is wrong with a file stands on the page itself, the rest where the page leads.
    """
    if request.method != "POST" or not form.is_valid():
        return False
    try:
        messages.success(request, act())
    except ListRefused as refused:
        form.add_error(None, refused.lines())
        return False
    except ListUnusual as unusual:
        form.add_error("as_it_is", list(unusual.notes))
        return False
    except DomainError as refused:
        messages.error(request, str(refused))
    return True
