"""The team's time."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from expertteam import selectors, services
from expertteam.access import access_case_as_member
from expertteam.forms import TimeForm
from trial.accounts.permissions import Permission
from trial.core.clock import now
from trial.core.errors import DomainError
from trial.people.access import requires, staff


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.WRITE_CASE)
def time(request: HttpRequest, study_id: str) -> HttpResponse:
    """What was entered, and a form for more."""
    user = staff(request)
    case = access_case_as_member(user, study_id)
    form = (
        TimeForm(request.POST)
        if request.method == "POST"
        else TimeForm.new(now().astimezone(case.time_zone).date())
    )
    if form.is_bound and form.is_valid():
        try:
            services.log_time(case=case, by=user, now=now(), **form.cleaned_data)
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("expertteam:time", study_id)
    entries = selectors.time_entries_of(case)
    return render(request, "expertteam/time.html", {"case": case, "form": form, "entries": entries})


@require_POST
@requires(Permission.WRITE_CASE)
def remove(request: HttpRequest, study_id: str, entry: UUID) -> HttpResponse:
    """Takes back one's own entry."""
    user = staff(request)
    case = access_case_as_member(user, study_id)
    try:
        services.remove_time(entry=get_object_or_404(case.time_entries, pk=entry), by=user, now=now())
    except DomainError as refusal:
        messages.error(request, str(refusal))
    return redirect("expertteam:time", study_id)
