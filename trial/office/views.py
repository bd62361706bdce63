"""The participant's pages. Each act is a POST with one service; what was typed stays when one fails."""

from io import BytesIO
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from expertteam.selectors import case_of
from randomization.certificate import certificate as draw_certificate
from randomization.selectors import (
    AllocationFact,
    allocation_fact,
    arm_for,
    checklist_and_answers,
    is_allocated,
    may_know_arm,
    randomization_number,
)
from randomization.services import allocate, record_deviation
from screening.selectors import criteria_to_verify, verification_of
from screening.services import verify as verify_eligibility
from trial.accounts.forms import ConfirmForm
from trial.accounts.permissions import Permission
from trial.audit.history import entries
from trial.core.clock import now
from trial.core.errors import DomainError
from trial.core.forms import tried
from trial.office.answers import AnswersInWords
from trial.office.find import find_by_phone
from trial.office.forms import DeviationForm, FindForm, IdentityForm, ReasonForm, StatusForm, VerifyForm
from trial.office.story import as_known, may_read_trail, parts_of_trail, story, trail_of
from trial.people.access import access_participant, staff
from trial.people.errors import ReasonMissing
from trial.people.models import Participant
from trial.people.selectors import facts, has_permission
from trial.people.services import add_status, read_identity
from trial.protocol.selectors import active_protocol, is_blinded, protocol_of

acts = require_http_methods(["GET", "POST"])

EVENTS_A_PAGE = 50
AT_REASON: dict[type[DomainError], str] = {ReasonMissing: "reason"}
JUST_RANDOMIZED = "just_randomized"
"""In the session: the participant whose arm the next page shows without asking why."""


def _open(request: HttpRequest, pk: int, permission: Permission) -> Participant:
    """The door: a participant at a site where the user may; else 404."""
    return access_participant(request.user, pk, permission)


def _back(participant: Participant) -> HttpResponse:
    return redirect("admin:people_participant_change", participant.pk)


def _language() -> str:
    return get_language() or "en"


@never_cache
@require_GET
def participant(request: HttpRequest, pk: int) -> HttpResponse:
    """The whole story of one participant, and what can be done now."""
    one = _open(request, pk, Permission.VIEW_PARTICIPANT)
    told = story(staff(request), one, _language(), now())
    beside = {
        "verify_form": VerifyForm(told["criteria"], _language()),
        "status_form": StatusForm(told["facts"], _zone(one)),
        "identity_form": IdentityForm(),
    }
    for name, form in beside.items():
        form.auto_id = f"{name}_%s"  # each has a reason: a label must lead to the field beside it
    told |= beside
    return render(request, "office/participant.html", told)


def _zone(participant: Participant) -> ZoneInfo:
    return ZoneInfo(protocol_of(participant.protocol_version).time_zone)


@never_cache
@acts
def verify(request: HttpRequest, pk: int) -> HttpResponse:
    one = _open(request, pk, Permission.VERIFY_ELIGIBILITY)
    if is_allocated(one):
        return _back(one)
    form = VerifyForm(
        criteria_to_verify(one), _language(), request.POST or None, earlier=verification_of(one)
    )
    if form.is_valid() and tried(
        form,
        lambda: verify_eligibility(
            participant=one,
            by=staff(request),
            decisions=form.decisions,
            reason=form.cleaned_data["reason"],
            now=now(),
        ),
        AT_REASON,
    ):
        messages.success(request, _("The decision is recorded."))
        return _back(one)
    return render(request, "office/verify.html", {"participant": one, "form": form})


@never_cache
@acts
def randomize(request: HttpRequest, pk: int) -> HttpResponse:
    """What must hold, and one button with the password. A second click leads to the first allocation."""
    one, at = _open(request, pk, Permission.RANDOMIZE), now()
    if fact := allocation_fact(one):
        return already_randomized(request, one, fact)
    form = ConfirmForm(staff(request), request.POST or None, now=at)
    if form.is_valid() and tried(form, lambda: allocate(participant=one, by=staff(request), now=at)):
        fact = allocation_fact(one)
        if fact and fact.at != at:
            return already_randomized(request, one, fact)
        if may_know_arm(staff(request), one):
            request.session[JUST_RANDOMIZED] = pk
        return redirect("admin:people_participant_allocation", pk)
    conditions, answers = checklist_and_answers(one, _language())
    ready = all(condition.met for condition in conditions)
    protocol = active_protocol(one.trial)
    may_read = ready and has_permission(request.user, Permission.VIEW_HEALTH_ANSWERS, site=one.site)
    context = {
        "participant": one,
        "protocol": protocol,
        "answers": answers if may_read else [],
        "form": form,
        "conditions": conditions,
        "ready": ready,
        "by_site": protocol.randomization.is_by_site,
    }
    return render(request, "office/randomize.html", context)


def already_randomized(request: HttpRequest, one: Participant, fact: AllocationFact) -> HttpResponse:
    """To the result, and says that it is not this click's."""
    told = {"at": date_format(localtime(fact.at), "DATETIME_FORMAT"), "by": fact.by}
    messages.info(request, _("This participant was already randomized on %(at)s by %(by)s.") % told)
    return redirect("admin:people_participant_allocation", one.pk)


@never_cache
@acts
def allocation(request: HttpRequest, pk: int) -> HttpResponse:
    """When and by whom. The arm, for who may know: once to whoever just randomized, else with a reason."""
    one = _open(request, pk, Permission.VIEW_PARTICIPANT)
    fact = allocation_fact(one)
    if fact is None:
        return _back(one)
    may = may_know_arm(staff(request), one)
    form = ReasonForm(request.POST or None)
    context = {
        "participant": one,
        "allocation": fact,
        "number": randomization_number(one),
        "blinded": is_blinded(one.trial),
        "form": form,
        "may": may,
    }
    if may and (reason := _reason_to_know(request, one, form)):
        context["arm"] = arm_for(user=staff(request), participant=one, reason=reason, now=now())
        if has_permission(request.user, Permission.MANAGE_CASE, site=one.site):
            context["case"] = case_of(one)
    return render(request, "office/allocation.html", context)


@never_cache
@acts
def certificate(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The randomization on one printable page; with the arm for who may know, who says why."""
    one = _open(request, pk, Permission.VIEW_PARTICIPANT)
    if not is_allocated(one):
        return _back(one)
    arm = None
    if request.method == "POST":
        form = ReasonForm(request.POST)
        if not (may_know_arm(staff(request), one) and form.is_valid()):
            return allocation(request, pk)
        arm = arm_for(user=staff(request), participant=one, reason=form.cleaned_data["reason"], now=now())
    page = draw_certificate(participant=one, language=_language(), arm=arm)
    return FileResponse(BytesIO(page), filename=f"{one.study_id}.pdf", content_type="application/pdf")


@never_cache
@acts
def deviation(request: HttpRequest, pk: int) -> HttpResponse:
    """Something went wrong at randomization: it goes on record, and is analysed as randomized."""
    one = _open(request, pk, Permission.RECORD_DEVIATION)
    if not is_allocated(one):
        return _back(one)
    form = DeviationForm(one.trial, request.POST or None)
    if form.is_valid() and tried(
        form,
        lambda: record_deviation(participant=one, by=staff(request), now=now(), **form.cleaned_data),
    ):
        messages.success(request, _("It is recorded."))
        return _back(one)
    return render(request, "office/deviation.html", {"participant": one, "form": form})


def _reason_to_know(request: HttpRequest, participant: Participant, form: ReasonForm) -> str:
    if request.method == "POST":
        return form.cleaned_data["reason"] if form.is_valid() else ""
    return "randomized now" if request.session.pop(JUST_RANDOMIZED, None) == participant.pk else ""


@never_cache
@acts
def identity(request: HttpRequest, pk: int) -> HttpResponse:
    """Who this is, for this one view; the reason goes to the read log."""
    one = _open(request, pk, Permission.READ_IDENTITY)
    form = IdentityForm(request.POST or None)
    known = None
    if form.is_valid():
        wanted, reason = form.cleaned_data["wanted"], form.cleaned_data["reason"]
        try:
            known = read_identity(participant=one, fields=wanted, by=staff(request), reason=reason, now=now())
        except DomainError as refused:
            form.add_error(None, str(refused))
    return render(request, "office/identity.html", {"participant": one, "form": form, "known": known})


@never_cache
@acts
def status(request: HttpRequest, pk: int) -> HttpResponse:
    """Something happened to the participant. What cannot be undone is asked about once more."""
    one = _open(request, pk, Permission.RECORD_STATUS)
    known = as_known(facts(one, now()), may_view_arm=may_know_arm(staff(request), one))
    form = StatusForm(known, _zone(one), request.POST or None)
    if form.is_valid():
        if form.is_final and "sure" not in request.POST:
            return render(request, "office/sure.html", {"participant": one, "form": form})
        if tried(
            form,
            lambda: add_status(participant=one, by=staff(request), now=now(), **form.happened),
            AT_REASON,
        ):
            messages.success(request, _("It is recorded."))
            return _back(one)
    return render(request, "office/status.html", {"participant": one, "form": form})


@never_cache
@require_GET
def history(request: HttpRequest, pk: int) -> HttpResponse:
    """The audit trail of the participant or one part of it, as far as this reader may know."""
    one = _open(request, pk, Permission.VIEW_PARTICIPANT)
    if not may_read_trail(staff(request), one, facts(one, now())):
        raise Http404
    parts, part = parts_of_trail(one, staff(request)), request.GET.get("part", "")
    trail = trail_of(one, staff(request))
    if part in parts:
        trail = trail.filter(table_name__startswith=f"{part}_")
    page = Paginator(trail, EVENTS_A_PAGE).get_page(request.GET.get("page"))
    events = list(page.object_list)
    told = entries(events, AnswersInWords(events))
    choices = [("", _("Everything")), *parts.items()]
    context = {"participant": one, "page": page, "entries": told, "parts": choices, "part": part}
    return render(request, "office/history.html", context)


@never_cache
@require_POST
def find(request: HttpRequest) -> HttpResponse:
    """Who has this phone. The number comes in the body and goes nowhere else."""
    form = FindForm(request.POST)
    if not has_permission(request.user, Permission.READ_IDENTITY):
        raise Http404
    found: list[Participant] = []
    if form.is_valid():
        try:
            found = find_by_phone(user=staff(request), phone=form.cleaned_data["phone"], now=now())
        except DomainError as not_a_number:
            form.add_error("phone", str(not_a_number))
    if len(found) == 1:
        return _back(found[0])
    return render(request, "office/found.html", {"form": form, "found": found})
