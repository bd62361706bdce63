"""The page flow of a questionnaire: a step a page, saved as one goes, read through and sent in at the end."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from trial.core.clock import now
from trial.core.languages import speak
from trial.people.models import Participant
from trial.protocol.errors import DataLocked
from trial.protocol.schema import Protocol
from trial.protocol.selectors import is_locked, protocol_of
from trial.questionnaires.errors import AlreadySubmitted, Unanswered
from trial.questionnaires.flow import Place, flow_of
from trial.questionnaires.forms import ItemsForm, items_form
from trial.questionnaires.selectors import is_submitted
from trial.questionnaires.services import save_answers, submit

REVIEW = "review"
LATER = "later"
"""The button that saves what there is and leaves."""


@dataclass(frozen=True)
class Visit:
    """Who answers what, in which language, and where the way leads from here."""

    request: HttpRequest
    participant: Participant
    occasion: str
    protocol: Protocol
    language: str
    done_url: str
    later_url: str | None

    def render(self, template: str, **context: object) -> HttpResponse:
        shared = {"protocol": self.protocol, "language": self.language, "later_url": self.later_url}
        return render(self.request, f"questionnaires/{template}", shared | context)


def run_questionnaire(
    request: HttpRequest, participant: Participant, occasion: str, done_url: str, later_url: str | None = None
) -> HttpResponse:
    """Answer all that is due at an occasion; `?step=` in the caller's address says where one is.

    Goes to `done_url` when the answers are sent in, also when that was before, in another tab. `later_url` is
    where "Continue later" leads, once what can be read on the page is saved. After the data lock there is
    only a page that says so.
    """
    if is_submitted(participant, occasion):
        return redirect(done_url)
    protocol = protocol_of(participant.protocol_version)
    language = speak(request, protocol.languages, participant.language)
    visit = Visit(request, participant, occasion, protocol, language, done_url, later_url)
    if is_locked(participant.trial):
        return visit.render("final.html")
    try:
        return _step(visit, request.GET.get("step"))
    except DataLocked:
        return visit.render("final.html")


def _step(visit: Visit, wanted: str | None) -> HttpResponse:
    if wanted == REVIEW:
        return _review(visit)
    flow = flow_of(visit.participant, visit.occasion)
    place = flow.at(wanted) if wanted else flow.first_open()
    return _ask(visit, place) if place else HttpResponseRedirect(f"?step={REVIEW}")


def _ask(visit: Visit, place: Place) -> HttpResponse:
    """One step: show it, or save it and go to the next one."""
    flow = flow_of(visit.participant, visit.occasion)
    posted = visit.request.POST if visit.request.method == "POST" else None
    form = items_form(place.items, visit.language, flow.answers, posted, country=visit.protocol.country)
    valid, leaves = form.is_valid(), bool(visit.later_url and posted and LATER in posted)
    if not valid and not leaves:
        return visit.render(
            "step.html",
            form=form,
            flow=flow,
            place=place,
            position=flow.position(place),
            back=flow.before(place),
        )
    try:
        _save(visit, form)
    except AlreadySubmitted:
        return redirect(visit.done_url)
    if leaves:
        return _leave(visit, form)
    following = flow_of(visit.participant, visit.occasion).after(place)
    return HttpResponseRedirect(f"?step={following.number if following else REVIEW}")


def _save(visit: Visit, form: ItemsForm) -> None:
    """Save the answers that can be read; where one cannot, what was saved before it stays."""
    save_answers(
        participant=visit.participant,
        occasion=visit.occasion,
        answers=form.answers(),
        asked=[key for key in form.asked if key not in form.unreadable],
        language=visit.language,
        now=now(),
    )


def _leave(visit: Visit, form: ItemsForm) -> HttpResponse:
    """On to the page that tells how to come back; it promises nothing that is not so."""
    if unreadable := [str(form[key].label) for key in form.unreadable]:
        messages.warning(
            visit.request,
            _("We could not read what you wrote, so it is not saved: %(questions)s")
            % {"questions": " · ".join(unreadable)},
        )
    return redirect(visit.later_url or visit.request.path)


def _review(visit: Visit) -> HttpResponse:
    """All answers in words: read through, change, send in."""
    flow = flow_of(visit.participant, visit.occasion)
    if visit.request.method == "POST":
        try:
            submit(participant=visit.participant, occasion=visit.occasion, language=visit.language, now=now())
        except Unanswered as error:
            messages.info(visit.request, str(error))
            place = flow.first_open()
            return HttpResponseRedirect(f"?step={place.number}" if place else visit.request.path)
        return redirect(visit.done_url)
    answered = flow.in_words(visit.language)
    return visit.render(
        "review.html", flow=flow, answered=answered, missing=flow.first_open(), back=flow.before(None)
    )
