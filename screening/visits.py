"""The doors of the public pages: which trial is visited, where the visitor stands, whose session it is."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from screening.models import Attempt
from screening.selectors import Step, step_of
from trial.core.languages import speak
from trial.people.access import own_participant
from trial.protocol.models import ProtocolVersion, Trial
from trial.protocol.schema import Protocol
from trial.protocol.selectors import active_version, protocol_of

SESSION_KEY = "attempts"
"""By trial: the id of this visitor's attempt. The answers themselves never enter the session."""


@dataclass(frozen=True)
class Visit:
    """One request to a trial's public pages."""

    request: HttpRequest
    trial: Trial
    version: ProtocolVersion
    protocol: Protocol
    language: str

    @property
    def posted(self) -> QueryDict | None:
        """What was sent with the page's form."""
        return self.request.POST if self.request.method == "POST" else None

    def attempt(self) -> Attempt | None:
        """The visitor's attempt, if there is one that still can be gone on with."""
        attempt = (
            Attempt.objects.filter(pk__in=self._attempt_ids(), trial=self.trial, forgotten_at=None)
            .select_related("trial", "participant", "site")
            .first()
        )
        if attempt and not attempt.participant_id and attempt.protocol_version_id != self.version.pk:
            messages.info(self.request, _("The study has new questions since you began. Please begin again."))
            self.leave()
            return None
        return attempt

    def remember(self, attempt: Attempt) -> None:
        ids = self.request.session.get(SESSION_KEY, {})
        self.request.session[SESSION_KEY] = ids | {self.trial.slug: str(attempt.pk)}

    def leave(self) -> None:
        ids = self.request.session.get(SESSION_KEY, {})
        self.request.session[SESSION_KEY] = {slug: pk for slug, pk in ids.items() if slug != self.trial.slug}

    def render(
        self, template: str, context: dict[str, Any] | None = None, *, status: int = 200
    ) -> HttpResponseBase:
        names = {"trial": self.trial, "protocol": self.protocol, "language": self.language}
        return render(self.request, f"screening/{template}", names | (context or {}), status=status)

    def go(self, page: str, *args: Any) -> HttpResponseBase:
        return redirect(f"screening:{page}", self.trial.slug, *args)

    def _attempt_ids(self) -> list[str]:
        """One or none."""
        kept = self.request.session.get(SESSION_KEY, {})
        return [kept[self.trial.slug]] if self.trial.slug in kept else []


def visit_of(request: HttpRequest, slug: str) -> Visit:
    """The visit to a trial with a protocol in force, in one of the trial's languages; else 404."""
    trial = Trial.objects.filter(slug=slug, activations__isnull=False).first()
    if trial is None:
        raise Http404
    version = active_version(trial)
    protocol = protocol_of(version)
    return Visit(request, trial, version, protocol, speak(request, protocol.languages))


PAGE_OF = {
    Step.QUESTIONS: "questions",
    Step.RESULT: "result",
    Step.CONSENT: "result",
    Step.CONTACT: "contact",
    Step.CONFIRM: "confirm",
}
"""Where somebody belongs who asks for a page that is not theirs yet, or no longer."""


def visiting(*steps: Step) -> Callable[[Callable[..., HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """The view is for visitors who stand at one of these steps; others are shown to where they stand.

    So the back button, a second tab and an old bookmark all end at a page that can be gone on with.
    """

    def decorate(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @never_cache
        @wraps(view)
        def guarded(request: HttpRequest, slug: str, **rest: Any) -> HttpResponseBase:
            visit = visit_of(request, slug)
            attempt = visit.attempt()
            if attempt is None:
                return visit.go("about")
            step = step_of(attempt)
            if step not in steps:
                return visit.go(PAGE_OF[step], *((1,) if step is Step.QUESTIONS else ()))
            return view(visit, attempt, **rest)

        return guarded

    return decorate


def for_participant(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """The view is for the participant of this session, in the trial's language and time zone; anybody else
    logs in with a code first."""

    @never_cache
    @wraps(view)
    def guarded(request: HttpRequest, **rest: Any) -> HttpResponseBase:
        participant = own_participant(request)
        if participant is None:
            return redirect("portal:login")
        protocol = protocol_of(participant.protocol_version)
        speak(request, protocol.languages, participant.language)
        with timezone.override(protocol.time_zone):
            return view(request, participant, **rest)

    return guarded
