"""From the list of open trials to the answer whether the visitor fits."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from screening import selectors, services
from screening.errors import AlreadyDecided, NotRecruiting, Unanswered
from screening.models import Attempt
from screening.selectors import Step
from screening.visits import PAGE_OF, Visit, visit_of, visiting
from trial.core.clock import now
from trial.people.access import own_participant
from trial.people.models import Site
from trial.protocol.models import TrialStatus
from trial.protocol.schema import Item, Page, Protocol
from trial.protocol.selectors import active_protocol, open_trials, status_of
from trial.questionnaires.branching import shown_items, steps, unanswered
from trial.questionnaires.forms import items_form
from trial.questionnaires.presentation import answer_text


@require_safe
def trials(request: HttpRequest) -> HttpResponse:
    """The trials that take in participants now."""
    language = get_language() or ""
    listed = [(trial, active_protocol(trial)) for trial in open_trials()]
    return render(request, "screening/trials.html", {"trials": listed, "language": language})


@require_safe
def about(request: HttpRequest, slug: str) -> HttpResponseBase:
    """What the trial is, and where to begin or go on."""
    visit = visit_of(request, slug)
    attempt = visit.attempt()
    participant = own_participant(request)
    return visit.render(
        "about.html",
        {
            "recruits": status_of(visit.trial) == TrialStatus.Name.RECRUITING,
            "underway": attempt and _where(visit, attempt),
            "takes_part": participant is not None and participant.trial_id == visit.trial.pk,
            "site": request.GET.get("site", ""),
        },
    )


@require_POST
def start(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Begin on the questions, or go on where the visitor left."""
    visit = visit_of(request, slug)
    attempt = visit.attempt()
    if attempt is not None:
        return redirect(_where(visit, attempt))
    site = Site.objects.filter(trial=visit.trial, key=request.POST.get("site", "")).first()
    try:
        attempt = services.begin(trial=visit.trial, site=site, language=visit.language, now=now())
    except NotRecruiting as closed:
        messages.warning(request, str(closed))
        return visit.go("about")
    visit.remember(attempt)
    return visit.go("questions", 1)


@require_http_methods(["GET", "HEAD", "POST"])
@visiting(Step.QUESTIONS, Step.CONSENT, Step.CONTACT)
def questions(visit: Visit, attempt: Attempt, page: int) -> HttpResponseBase:
    """One page of eligibility questions."""
    places = _places(visit.protocol, attempt.answers)
    if page not in places:
        return visit.go("check")
    form = items_form(
        places[page].items,
        visit.language,
        attempt.answers,
        visit.posted,
        country=visit.protocol.country,
    )
    if form.is_valid():
        try:
            attempt = services.answer_page(
                attempt=attempt, answers=form.answers(), asked=form.asked, now=now()
            )
        except AlreadyDecided:  # in another tab, a moment ago
            return visit.go("result")
        return redirect(_after(visit, attempt, page))
    return visit.render(
        "questions.html",
        {
            "form": form,
            "page": places[page].page,
            "number": list(places).index(page) + 1,
            "of": len(places),
            "back": max((number for number in places if number < page), default=None),
            "changing": _changing(visit),
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@visiting(Step.QUESTIONS, Step.CONSENT, Step.CONTACT)
def check(visit: Visit, attempt: Attempt) -> HttpResponseBase:
    """All answers at a glance, before the decision is made from them."""
    places = _places(visit.protocol, attempt.answers)
    if missing := _asking(places, _lacking(visit.protocol, attempt.answers)):
        return visit.go("questions", missing)
    if visit.request.method == "POST":
        try:
            services.decide(attempt=attempt, now=now())
        except Unanswered as unclear:
            messages.warning(visit.request, str(unclear))
            return visit.go("questions", _asking(places, unclear.items) or min(places))
        return visit.go("result")
    return visit.render("check.html", {"pages": _in_words(visit, attempt, places)})


@require_safe
@visiting(Step.RESULT, Step.CONSENT, Step.CONTACT)
def result(visit: Visit, attempt: Attempt) -> HttpResponseBase:
    """Whether the visitor fits; if not, every reason in plain words."""
    failed = [criterion.reason.in_(visit.language) for criterion in selectors.failed_criteria(attempt)]
    fits = attempt.outcome == Attempt.Outcome.ELIGIBLE
    return visit.render("fits.html" if fits else "does_not_fit.html", {"reasons": failed})


@require_safe
@visiting(Step.CONSENT, Step.CONTACT)
def declined(visit: Visit, attempt: Attempt) -> HttpResponseBase:
    """Thanks to who fits and says no. Nothing is recorded: the answers are forgotten like any others."""
    return visit.render("declined.html")


@require_POST
@visiting(Step.RESULT)
def again(visit: Visit, attempt: Attempt) -> HttpResponseBase:
    """Answer once more after a slip."""
    try:
        services.begin_again(attempt=attempt, now=now())
    except NotRecruiting as closed:
        messages.warning(visit.request, str(closed))
        return visit.go("about")
    return visit.go("questions", 1)


@dataclass(frozen=True)
class Place:
    """Questions on one page, and what the page is called."""

    page: Page
    items: list[Item]


def _places(protocol: Protocol, answers: Mapping[str, Any]) -> dict[int, Place]:
    """The pages that have something to ask, given the answers so far, by their number in the address."""
    shown = {item.key for item in shown_items(protocol.eligibility.items, answers)}
    numbered = enumerate(steps(protocol.eligibility.pages), 1)
    places = {n: Place(step.page, [item for item in step.items if item.key in shown]) for n, step in numbered}
    return {number: place for number, place in places.items() if place.items}


def _asking(places: Mapping[int, Place], items: Collection[str]) -> int | None:
    """The first page that asks one of the items."""
    return next((n for n, place in places.items() if any(item.key in items for item in place.items)), None)


def _lacking(protocol: Protocol, answers: Mapping[str, Any]) -> set[str]:
    """The items that still need an answer."""
    return {item.key for item in unanswered(protocol.eligibility.items, answers)}


def _after(visit: Visit, attempt: Attempt, page: int) -> str:
    """Where to go from an answered page: on, or back to the overview that an answer was changed from."""
    following = [number for number in _places(visit.protocol, attempt.answers) if number > page]
    if _changing(visit) or not following:
        return reverse("screening:check", args=[visit.trial.slug])
    return reverse("screening:questions", args=[visit.trial.slug, following[0]])


def _changing(visit: Visit) -> bool:
    return "change" in visit.request.GET


def _where(visit: Visit, attempt: Attempt) -> str:
    """The address where the visitor goes on."""
    step = selectors.step_of(attempt)
    if step is not Step.QUESTIONS:
        return reverse(f"screening:{PAGE_OF[step]}", args=[visit.trial.slug])
    places = _places(visit.protocol, attempt.answers)
    missing = _asking(places, _lacking(visit.protocol, attempt.answers))
    if missing is None:
        return reverse("screening:check", args=[visit.trial.slug])
    return reverse("screening:questions", args=[visit.trial.slug, missing])


@dataclass(frozen=True)
class InWords:
    """A question, its answer as a person reads it, and the page where it is changed."""

    question: str
    words: str
    number: int


def _in_words(visit: Visit, attempt: Attempt, places: Mapping[int, Place]) -> list[tuple[str, list[InWords]]]:
    """All questions with their answers, under the titles of the protocol's pages."""
    language = visit.language
    rows = [
        (place.page.title.in_(language), InWords(item.label.in_(language), words, number))
        for number, place in places.items()
        for item in place.items
        for words in [answer_text(item, attempt.answers.get(item.key), language)]
    ]
    return [(title, [row for _title, row in group]) for title, group in groupby(rows, key=itemgetter(0))]
