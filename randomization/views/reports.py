"""Design reports: what a design leads to, told before anything is sealed."""

from datetime import timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.views.decorators.http import require_GET, require_http_methods

from randomization import selectors, services
from randomization.assessment.document import as_pdf
from randomization.assessment.words import Words
from randomization.design import design_of
from randomization.forms import ReportForm
from randomization.models import DesignReport
from randomization.names import Names
from randomization.views.downloads import download
from randomization.views.versions import of_list
from trial.accounts.permissions import Permission
from trial.core.clock import now
from trial.people.access import access_trial, requires, staff
from trial.protocol.models import Trial
from trial.protocol.reading import Study
from trial.protocol.selectors import study_of

REFRESH_SECONDS = 3
LONG = timedelta(minutes=1)
"""Whoever waits longer for a report to begin is told that no worker seems to run."""


@require_http_methods(["GET", "POST"])
@requires(Permission.VIEW_RANDOMIZATION_DESIGN)
def reports(request: HttpRequest, slug: str) -> HttpResponse:
    """Asks for a report on the protocol's design and perhaps one beside it; lists the earlier ones."""
    trial = access_trial(request.user, slug, Permission.VIEW_RANDOMIZATION_DESIGN)
    protocol = _study(trial).protocol
    form = ReportForm(request.POST or None, design=design_of(protocol), participants=protocol.target)
    if request.method == "POST" and form.is_valid():
        report = services.ask_for_report(
            trial=trial,
            designs=form.designs,
            participants=form.cleaned_data["participants"],
            by=staff(request),
            now=now(),
        )
        return redirect("randomization:report", slug, report.pk)
    earlier = selectors.design_reports(trial)
    context = {"trial": trial, "protocol": protocol, "form": form, "earlier": earlier}
    return render(request, "randomization/reports.html", context)


@require_GET
@requires(Permission.VIEW_RANDOMIZATION_DESIGN)
def report(request: HttpRequest, slug: str, report_pk: UUID) -> HttpResponse:
    """The report, or how far it is: the page then comes again by itself, without a script."""
    trial = access_trial(request.user, slug, Permission.VIEW_RANDOMIZATION_DESIGN)
    asked, study = _report(trial, report_pk), _study(trial)
    context = {"trial": trial, "protocol": study.protocol, "report": asked}
    if asked.answer:
        words = _words(asked, study)
        shown = context | {"words": words, "pictures": words.pictures("svg")}
        return render(request, "randomization/report.html", shown)
    context["nobody"] = asked.claimed_at is None and now() - asked.asked_at > LONG
    response = render(request, "randomization/report_waits.html", context)
    if not asked.error:
        response["Refresh"] = str(REFRESH_SECONDS)
    return response


@require_GET
@requires(Permission.VIEW_RANDOMIZATION_DESIGN)
def report_pdf(request: HttpRequest, slug: str, report_pk: UUID) -> HttpResponse:
    """The same for the trial master file."""
    trial = access_trial(request.user, slug, Permission.VIEW_RANDOMIZATION_DESIGN)
    asked, study = _report(trial, report_pk), _study(trial)
    if not asked.answer:
        raise Http404
    file = as_pdf(
        _words(asked, study),
        title=study.protocol.names.in_(_language(study)),
        asked_at=asked.asked_at.astimezone(ZoneInfo(study.protocol.time_zone)),
        language=_language(study),
    )
    return download(f"design-report-{trial.slug}.pdf", file)


def _study(trial: Trial) -> Study:
    """By the version that the list is, or would be, sealed under."""
    sealed = selectors.sealed_list(trial)
    return study_of(of_list(sealed, trial))


def _report(trial: Trial, pk: UUID) -> DesignReport:
    asked = selectors.design_reports(trial).filter(pk=pk).first()
    if asked is None:
        raise Http404
    return asked


def _words(asked: DesignReport, study: Study) -> Words:
    answer: dict[str, Any] = asked.answer or {}
    factors = Names(study, _language(study)).factors_by_key()
    return Words(answer["designs"], answer["seed"], design_of(study.protocol), factors)


def _language(study: Study) -> str:
    return get_language() or study.protocol.language
