"""The new participant's pages: the first questionnaire, and a copy of the consent."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods, require_safe

from screening import selectors, services
from screening.visits import for_participant
from trial.core.clock import now
from trial.people.access import leave
from trial.people.identity import vault
from trial.people.models import Participant
from trial.protocol.schema import BASELINE
from trial.protocol.selectors import protocol_of
from trial.questionnaires.selectors import is_submitted
from trial.questionnaires.views import run_questionnaire


@require_http_methods(["GET", "HEAD", "POST"])
@for_participant
def baseline(request: HttpRequest, participant: Participant) -> HttpResponseBase:
    """The first questionnaire, page by page; finished, it is locked."""
    if selectors.baseline_locked(participant):
        return redirect("screening:thanks")
    response = run_questionnaire(
        request, participant, BASELINE, reverse("screening:thanks"), later_url=reverse("screening:later")
    )
    if is_submitted(participant, BASELINE):
        services.submit_baseline(participant=participant, now=now())
    return response


@require_safe
@for_participant
def thanks(request: HttpRequest, participant: Participant) -> HttpResponseBase:
    """What happens next, and the study id."""
    if not selectors.baseline_locked(participant):
        return redirect("screening:baseline")
    return _participant_page(request, "thanks.html", participant)


@require_http_methods(["GET", "HEAD", "POST"])
@for_participant
def later(request: HttpRequest, participant: Participant) -> HttpResponseBase:
    """The answers so far are kept; how to come back, and a way to leave this device."""
    if request.method == "POST":
        leave(request)
        return redirect("screening:trials")
    address = request.build_absolute_uri(reverse("portal:home"))
    return _participant_page(request, "later.html", participant, {"address": address.partition("://")[2]})


@require_safe
@for_participant
def consent_copy(request: HttpRequest, participant: Participant) -> HttpResponseBase:
    """The participant's own copy of what they agreed to, to read and print."""
    return _participant_page(request, "consent_copy.html", participant, _copy(participant))


@require_safe
@for_participant
def consent_text(request: HttpRequest, participant: Participant) -> HttpResponseBase:
    """The same copy as a file, beginning with exactly the text that was hashed."""
    given = selectors.consent_of(participant)
    response = render(request, "screening/consent_copy.txt", _copy(participant), "text/plain; charset=utf-8")
    if given is not None:
        response["Content-Disposition"] = f'attachment; filename="consent-{given.version}.txt"'
    return response


def _participant_page(
    request: HttpRequest, template: str, participant: Participant, context: dict[str, Any] | None = None
) -> HttpResponse:
    protocol = protocol_of(participant.protocol_version)
    names = {"participant": participant, "protocol": protocol, "language": get_language()}
    return render(request, f"screening/{template}", names | (context or {}))


def _copy(participant: Participant) -> dict[str, Any]:
    given = selectors.consent_of(participant)
    if given is None:
        return {"consent": None}
    document = selectors.document_of(given)
    ticked = set(given.ticks.filter(given=True).values_list("key", flat=True))
    return {
        "consent": given,
        "document": document,
        "ticks": [(tick, tick.key in ticked) for tick in document.ticks],
        "name": vault.open_of(given, "name"),
    }
