"""The short address of questionnaires: a code from an SMS, typed or not, opens one and nothing else."""

from allauth.account.adapter import get_adapter
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from followup.forms import CodeForm
from followup.selectors import open_questionnaires
from trial.audit.context import become
from trial.core.clock import now
from trial.core.languages import speak
from trial.people.access import own_participant
from trial.people.errors import WrongCode
from trial.people.models import Participant, Purpose
from trial.people.services import participant_by_code
from trial.protocol.selectors import protocol_of
from trial.questionnaires.selectors import is_submitted
from trial.questionnaires.views import run_questionnaire

SESSION_KEY = "questionnaires"
"""Whose questionnaires this session may answer. It is less than being logged in: the own page stays shut."""

GUESSES, WINDOW_SECONDS = 20, 600


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def enter(request: HttpRequest) -> HttpResponse:
    """Write the code."""
    form = CodeForm(request.POST or None)
    if form.is_valid():
        if _guessed_too_often(request):
            form.add_error("code", _("There were many tries from here. Wait ten minutes, then try again."))
        elif _let_in(request, form):
            return redirect("followup:questionnaire")
    return render(request, "followup/enter.html", {"form": form})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def questionnaire(request: HttpRequest) -> HttpResponse:
    """The first open questionnaire that is not sent in."""
    participant = _participant(request)
    if participant is None:
        return redirect("followup:enter")
    become(f"participant:{participant.study_id}")
    speak(request, protocol_of(participant.protocol_version).languages, participant.language)
    waiting = [
        one.key for one in open_questionnaires(participant, now()) if not is_submitted(participant, one.key)
    ]
    if not waiting:
        return redirect("followup:done")
    return run_questionnaire(
        request, participant, waiting[0], reverse("followup:done"), later_url=reverse("followup:later")
    )


@never_cache
@require_safe
def done(request: HttpRequest) -> HttpResponse:
    """Thanks, or word that nothing is open now."""
    return _last_page(request, "followup/done.html")


@never_cache
@require_safe
def later(request: HttpRequest) -> HttpResponse:
    """How to come back."""
    return _last_page(request, "followup/later.html")


def _last_page(request: HttpRequest, template: str) -> HttpResponse:
    participant = _participant(request)
    if participant is None:
        return redirect("followup:enter")
    protocol = protocol_of(participant.protocol_version)
    speak(request, protocol.languages, participant.language)
    open_now = list(open_questionnaires(participant, now()))
    context = {
        "protocol": protocol,
        "sent_in": any(is_submitted(participant, one.key) for one in open_now),
        "waiting": any(not is_submitted(participant, one.key) for one in open_now),
        "closes_at": max((one.closes_at for one in open_now), default=None),
    }
    return render(request, template, context)


def _let_in(request: HttpRequest, form: CodeForm) -> bool:
    try:
        participant = participant_by_code(
            code=form.cleaned_data["code"], purpose=Purpose.QUESTIONNAIRE, now=now()
        )
    except WrongCode as wrong:
        _count_guess(request)
        form.add_error("code", str(wrong))
        return False
    request.session.flush()
    request.session[SESSION_KEY] = participant.study_id
    return True


def _participant(request: HttpRequest) -> Participant | None:
    """Whose code was entered, or who is logged in to the own page."""
    if own := own_participant(request):
        return own
    return (
        Participant.objects.filter(study_id=request.session.get(SESSION_KEY), identity__erased_at=None)
        .select_related("trial", "site")
        .first()
    )


def _guessed_too_often(request: HttpRequest) -> bool:
    """Whether too many wrong codes came from one address. Codes are long; this only keeps guessing slow.

    Right ones do not count: many people can share an address of a mobile operator.
    """
    return int(cache.get(_guesses(request), 0)) >= GUESSES


def _count_guess(request: HttpRequest) -> None:
    cache.add(_guesses(request), 0, WINDOW_SECONDS)
    cache.incr(_guesses(request))


def _guesses(request: HttpRequest) -> str:
    """Under which key they are counted: by the visitor's address, not by that of a proxy in between."""
    return f"followup.code:{get_adapter().get_client_ip(request)}"
