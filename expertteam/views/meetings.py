"""Plan meetings, and say who came."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from expertteam import services
from expertteam.access import access_case_as_member, access_case_to_plan
from expertteam.forms import AttendanceForm, MeetingForm
from trial.accounts.permissions import Permission
from trial.core.clock import now
from trial.core.errors import DomainError
from trial.people.access import requires, staff


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.WRITE_CASE, Permission.MANAGE_CASE)
def plan(request: HttpRequest, study_id: str) -> HttpResponse:
    """A form for a time in the trial's zone and a video link."""
    user = staff(request)
    case = access_case_to_plan(user, study_id)
    form = MeetingForm(request.POST or None, zone=case.time_zone)
    if request.method == "POST" and form.is_valid():
        chosen = {key: form.cleaned_data[key] for key in ("starts_at", "minutes", "video_url")}
        try:
            services.plan_meeting(case=case, by=user, now=now(), **chosen)
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("expertteam:case", study_id)
    return render(request, "expertteam/meeting.html", {"case": case, "form": form})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.WRITE_CASE)
def attendance(request: HttpRequest, study_id: str, meeting: int) -> HttpResponse:
    """Who came to a meeting that has begun."""
    user = staff(request)
    case = access_case_as_member(user, study_id)
    one = get_object_or_404(case.meetings, pk=meeting, cancelled_at=None)
    form = AttendanceForm(request.POST if request.method == "POST" else None, meeting=one)
    if form.is_bound and form.is_valid():
        try:
            services.record_attendance(meeting=one, by=user, now=now(), **form.cleaned_data)
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("expertteam:case", study_id)
    return render(request, "expertteam/attendance.html", {"case": case, "meeting": one, "form": form})


@require_POST
@requires(Permission.WRITE_CASE, Permission.MANAGE_CASE)
def cancel(request: HttpRequest, study_id: str, meeting: int) -> HttpResponse:
    """The meeting is not held."""
    user = staff(request)
    case = access_case_to_plan(user, study_id)
    try:
        services.cancel_meeting(meeting=get_object_or_404(case.meetings, pk=meeting), by=user, now=now())
    except DomainError as refusal:
        messages.error(request, str(refusal))
    return redirect("expertteam:case", study_id)
