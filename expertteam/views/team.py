"""Who is on a case's team."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from expertteam import selectors, services
from expertteam.access import access_case_to_manage
from expertteam.forms import AssignForm
from trial.accounts.permissions import Permission
from trial.core.clock import now
from trial.core.errors import DomainError
from trial.people.access import requires, staff


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.VIEW_CASE, Permission.MANAGE_CASE)
def team(request: HttpRequest, study_id: str) -> HttpResponse:
    """The seats that the protocol names, who sits on them, and a form for one more."""
    user = staff(request)
    case = access_case_to_manage(user, study_id)
    seats = selectors.seats(case, get_language())
    form = AssignForm(request.POST or None, case=case, seats=seats)
    if request.method == "POST" and form.is_valid():
        try:
            services.assign(case=case, by=user, now=now(), **form.cleaned_data)
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("expertteam:team", study_id)
    context = {"case": case, "seats": seats, "form": form}
    return render(request, "expertteam/team.html", context)


@require_POST
@requires(Permission.VIEW_CASE, Permission.MANAGE_CASE)
def leave(request: HttpRequest, study_id: str, member: int) -> HttpResponse:
    """Takes somebody off the team."""
    user = staff(request)
    case = access_case_to_manage(user, study_id)
    one = get_object_or_404(case.members, pk=member)
    try:
        services.end_assignment(member=one, by=user, now=now())
    except DomainError as refusal:
        messages.error(request, str(refusal))
    if services.may_manage(case, user):
        return redirect("expertteam:team", study_id)
    return redirect("expertteam:cases")
