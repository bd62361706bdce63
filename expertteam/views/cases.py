"""The list of cases, and one case."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from expertteam import selectors, services
from expertteam.access import access_case
from trial.accounts.permissions import Permission
from trial.core.clock import now
from trial.people.access import requires, staff


@never_cache
@require_safe
@requires(Permission.VIEW_CASE, Permission.MANAGE_CASE)
def cases(request: HttpRequest) -> HttpResponse:
    """The user's cases by study id, who waits for something first."""
    lines = selectors.case_lines(staff(request), get_language(), now())
    return render(request, "expertteam/cases.html", {"lines": lines, "now": now()})


@never_cache
@require_safe
@requires(Permission.VIEW_CASE, Permission.MANAGE_CASE)
def case(request: HttpRequest, study_id: str) -> HttpResponse:
    """One case as its reader may see it: what is written is for the team alone."""
    user, language = staff(request), get_language()
    one = access_case(user, study_id)
    line = selectors.case_line(user, one, language, now())
    closed = line.stage is selectors.Stage.CLOSED
    meetings = selectors.meetings_of(one, now())
    coming = [meeting for meeting in meetings if not selectors.over(meeting, now())]
    context = {
        "case": one,
        "line": line,
        "closed": closed,
        "may_manage": services.may_manage(one, user),
        "may_write": services.may_write(one, user),
        "seats": selectors.seats(one, language),
        "meetings": meetings,
        "next": coming[0] if coming and not closed else None,
        "now": now(),
    }
    services.read_case(case=one, by=user, now=now())
    if context["may_write"]:
        context |= {
            "summary": selectors.summary(one, language),
            "advice": selectors.advice_of(one),
            "notes": selectors.notes_of(one),
            "minutes": selectors.minutes_by_member(one),
        }
    return render(request, "expertteam/case.html", context)
