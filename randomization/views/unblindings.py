"""The report of all emergency unblindings: page and PDF. It tells who, when and why, and never an arm."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from randomization.certificate import moment
from randomization.unblindings import Asked, report, rules_of
from randomization.views.downloads import download
from randomization.views.versions import in_force
from trial.accounts.permissions import Permission
from trial.core.clock import now
from trial.core.pdf import Document
from trial.people.access import requires
from trial.people.selectors import has_permission, sites_for, trials_for
from trial.protocol.models import Trial
from trial.protocol.selectors import protocol_of


@never_cache
@require_GET
@requires(Permission.VIEW_UNBLINDINGS)
def unblindings(request: HttpRequest, slug: str) -> HttpResponse:
    """Every request at the sites that the reader follows."""
    return render(request, "randomization/unblindings.html", _report(request, _open(request, slug)))


@never_cache
@require_GET
@requires(Permission.VIEW_UNBLINDINGS)
def unblindings_pdf(request: HttpRequest, slug: str) -> HttpResponse:
    """The same for the trial master file."""
    told = _report(request, _open(request, slug))
    return download("unblindings.pdf", _pdf(told))


def _open(request: HttpRequest, slug: str) -> Trial:
    """The door: a trial in which the reader follows at least one site; else 404."""
    return get_object_or_404(trials_for(request.user, Permission.VIEW_UNBLINDINGS), slug=slug)


def _report(request: HttpRequest, trial: Trial) -> dict[str, Any]:
    """Whoever meets no participants reads no study id."""
    sites = list(sites_for(request.user, Permission.VIEW_UNBLINDINGS).filter(trial=trial))
    names = set(sites_for(request.user, Permission.VIEW_PARTICIPANT).filter(trial=trial))
    return {
        "trial": trial,
        "protocol": protocol_of(in_force(trial)),
        "rules": rules_of(trial),
        "report": report(sites),
        "sites": sites,
        "may_name": bool(names) and names >= set(sites),
        "at_desk": has_permission(request.user, Permission.VIEW_RANDOMIZATION_DESIGN, trial=trial),
    }


def _pdf(told: dict[str, Any]) -> bytes:
    language = get_language() or told["protocol"].language
    zone = told["protocol"].time_zone
    made = _("Made %(at)s") % {"at": moment(now(), zone)}
    document = Document(_("Emergency unblindings"), language=language, foot=f"{told['trial'].slug} · {made}")
    document.paragraph(told["protocol"].names.in_(language))
    document.paragraph(", ".join(site.name for site in told["sites"]))
    asked, released = len(told["report"].rows), told["report"].released
    counts = [(_("Requests"), str(asked)), (_("Released"), str(released))]
    by_site = [(f"{_('Released')}: {name}", str(number)) for name, number in told["report"].by_site]
    document.facts([*counts, *by_site])
    for number, row in enumerate(told["report"].rows, start=1):
        one = row.asked.unblinding
        document.heading(f"{number}. {one.participant if told['may_name'] else one.participant.site}")
        document.facts(
            [
                (_("Site"), one.participant.site.name),
                (_("Asked by"), f"{one.by} ({row.roles}), {moment(one.at, zone)}"),
                (_("Reason"), one.reason),
                (_("Decision"), _decision(row.asked, zone)),
            ]
        )
    document.paragraph(_("Unblinded participants are analysed as randomized."))
    return document.render()


def _decision(asked: Asked, zone: str) -> str:
    if asked.decision is None:
        return _("Waits for somebody else")
    what = _("Released") if asked.decision.released else _("Refused")
    return f"{what}, {asked.decision.by}, {moment(asked.decision.at, zone)}"
