"""Who the case is about."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from expertteam import services
from expertteam.access import access_case_as_member
from expertteam.forms import ReasonForm
from trial.accounts.permissions import Permission
from trial.core.clock import now
from trial.core.errors import DomainError
from trial.people.access import requires, staff


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.WRITE_CASE)
def name(request: HttpRequest, study_id: str) -> HttpResponse:
    """Asks for a reason; shows name and phone once, as the answer to it."""
    user = staff(request)
    case = access_case_as_member(user, study_id)
    form, known = ReasonForm(request.POST or None), None
    if form.is_valid():
        try:
            known = services.read_name(case=case, by=user, reason=form.cleaned_data["reason"], now=now())
        except DomainError as refusal:
            form.add_error(None, str(refusal))
    return render(request, "expertteam/name.html", {"case": case, "form": form, "known": known})
