"""The coordinators' pages: unclear replies, calls, and the weeks of one participant."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from followup.forms import CallForm, CorrectionForm, ResolveForm
from followup.models import Occasion, UnclearReply, WeeklyAnswer
from followup.selectors import (
    answerable_weeks,
    ledger,
    possible_weeks,
    replies_for,
    worklist_calls,
    worklist_unclear,
)
from followup.services import correct_answer, record_call, resolve_reply
from followup.services.answers import week_of
from followup.texts import weekly_text
from trial.accounts.models import User
from trial.accounts.permissions import Permission
from trial.core.clock import now
from trial.core.forms import tried
from trial.messaging.services import read_inbound
from trial.people.access import access_participant, requires
from trial.people.models import Participant
from trial.people.selectors import has_permission
from trial.protocol.selectors import active_protocol

acts = require_http_methods(["GET", "HEAD", "POST"])


def _user(request: HttpRequest) -> User:
    """Who acts: `requires` let nobody in who is not a user."""
    assert isinstance(request.user, User)
    return request.user


def _open(request: HttpRequest, pk: int, permission: Permission) -> Participant:
    """The door: a participant at a site where the user may; else 404."""
    return access_participant(request.user, pk, permission)


@never_cache
@require_safe
@requires(Permission.RESOLVE_REPLY)
def unclear_replies(request: HttpRequest) -> HttpResponse:
    """Replies that wait for a person. Their texts are read one by one, since that is recorded."""
    return render(request, "followup/unclear_replies.html", {"replies": worklist_unclear(request.user)})


@never_cache
@acts
@requires(Permission.RESOLVE_REPLY)
def resolve(request: HttpRequest, pk: int) -> HttpResponse:
    """Read one reply and decide what it says."""
    reply = get_object_or_404(replies_for(request.user), pk=pk)
    if hasattr(reply, "resolution"):
        messages.info(request, _("Somebody has decided about this reply already."))
        return redirect("admin:followup_unclearreply_changelist")
    weeks = possible_weeks(reply, request.user)
    weekly = active_protocol(weeks[0].participant.trial).weekly if weeks else None
    form = ResolveForm(reply, weeks, weekly, request.POST or None)
    if form.is_valid() and tried(
        form,
        lambda: resolve_reply(
            reply=reply,
            by=_user(request),
            now=now(),
            reason=form.cleaned_data["reason"],
            days=form.days,
            occasion=form.cleaned_data["occasion"],
        ),
    ):
        messages.success(request, _("Your decision is recorded."))
        return redirect("admin:followup_unclearreply_changelist")
    text = read_inbound(
        inbound=reply.inbound,
        study_id=reply.participant.study_id if reply.participant else "",
        reason="To decide what an unclear reply says",
        now=now(),
    )
    context = {"reply": reply, "question": _question(reply), "text": text, "form": form}
    return render(request, "followup/resolve.html", context)


def _question(reply: UnclearReply) -> str:
    """What was asked about the reply's week, in the participant's language; empty where it has none."""
    week = reply.occasion
    if week is None or week.kind != Occasion.Kind.WEEKLY:
        return ""
    asked = active_protocol(week.participant.trial).weekly.question
    return weekly_text(asked, language=week.participant.language, week_start=week.week_start)


@never_cache
@require_safe
@requires(Permission.RECORD_CALL)
def calls(request: HttpRequest) -> HttpResponse:
    """Whom to call."""
    return render(request, "followup/calls.html", {"rows": worklist_calls(request.user, now())})


@never_cache
@acts
@requires(Permission.RECORD_CALL)
def call(request: HttpRequest, pk: int) -> HttpResponse:
    """Record a call to a participant, with answers for the weeks that people still remember."""
    participant = _open(request, pk, Permission.RECORD_CALL)
    weeks = [
        week
        for week in answerable_weeks(participant, now())
        # answered while they talked, it stays as long as something is typed there: the service says so
        if week.days is None or request.POST.get(f"week_{week.number}")
    ]
    form = CallForm(weeks, active_protocol(participant.trial).weekly, request.POST or None)
    if form.is_valid() and tried(
        form,
        lambda: record_call(
            participant=participant,
            by=_user(request),
            now=now(),
            outcome=form.cleaned_data["outcome"],
            note=form.cleaned_data["note"],
            answers=form.answers,
        ),
    ):
        messages.success(request, _("The call is recorded."))
        return redirect("admin:people_participant_change", participant.pk)
    return render(request, "followup/call.html", {"participant": participant, "form": form})


@never_cache
@require_safe
@requires(Permission.VIEW_HEALTH_ANSWERS)
def weeks(request: HttpRequest, pk: int) -> HttpResponse:
    """The whole ledger of a participant, week by week."""
    participant = _open(request, pk, Permission.VIEW_HEALTH_ANSWERS)
    context = {
        "participant": participant,
        "weeks": ledger(participant, now()),
        "may_correct": has_permission(request.user, Permission.RESOLVE_REPLY, site=participant.site),
    }
    return render(request, "followup/weeks.html", context)


@never_cache
@acts
@requires(Permission.RESOLVE_REPLY)
def correct(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Correct the answer of one week; what it was stays readable."""
    participant = _open(request, pk, Permission.RESOLVE_REPLY)
    answers = WeeklyAnswer.objects.filter(occasion__participant=participant, occasion__number=number)
    if not answers.exists():
        return redirect("admin:followup_weeks", participant.pk)
    form = CorrectionForm(active_protocol(participant.trial).weekly, request.POST or None)
    if form.is_valid() and tried(
        form,
        lambda: correct_answer(
            participant=participant, week=number, by=_user(request), now=now(), **form.cleaned_data
        ),
    ):
        messages.success(request, _("The answer is corrected."))
        return redirect("admin:followup_weeks", participant.pk)
    context = {
        "participant": participant,
        "week": week_of(participant, number),
        "answers": answers.select_related("by").order_by("at", "pk"),
        "form": form,
    }
    return render(request, "followup/correct.html", context)
