"""The statistician's desk."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_GET

from randomization import selectors
from randomization.commitments import reveal_of
from randomization.design import design_of
from randomization.designs import ImportedDesign, PairDesign
from randomization.importing import examples
from randomization.names import Names, is_at_once
from randomization.views.versions import in_force, of_list
from trial.accounts.permissions import Permission
from trial.core.errors import refusal
from trial.people.access import access_trial, requires
from trial.people.selectors import has_permission
from trial.protocol.models import Trial
from trial.protocol.selectors import is_locked, study_of


@require_GET
@requires(Permission.VIEW_RANDOMIZATION_DESIGN)
def desk(request: HttpRequest, slug: str) -> HttpResponse:
    """The design, whether it is sealed, and how much of each list is used. No arm, nothing to come."""
    trial = access_trial(request.user, slug, Permission.VIEW_RANDOMIZATION_DESIGN)
    return render(request, "randomization/desk.html", desk_of(request, trial))


def desk_of(request: HttpRequest, trial: Trial) -> dict[str, object]:
    """What the desk and the pages around it show."""
    sealed = selectors.sealed_list(trial)
    study = study_of(of_list(sealed, trial))
    design = design_of(study.protocol)
    names = Names(study, get_language() or study.protocol.language)
    counts = [one for one in selectors.stratum_counts(trial) if not is_at_once(design, one.key)]
    may_seal = has_permission(request.user, Permission.SEAL_LIST, trial=trial)
    reveal = reveal_of(sealed) if sealed else None
    may_grow = sealed and not design.is_cluster and not is_locked(trial)
    return {
        "trial": trial,
        "protocol": study.protocol,
        "design": design,
        "facts": names.facts(design),
        "units": names.units(design),
        "in_pairs": isinstance(design, PairDesign),
        "imported": isinstance(design, ImportedDesign),
        "examples": examples(design, study.protocol) if isinstance(design, ImportedDesign) else (),
        "two_persons": study_of(in_force(trial)).protocol.randomization.two_person_seal,
        "sealed": sealed,
        "extensions": selectors.extensions(trial),
        "proposal": selectors.waiting_proposal(trial),
        "counts": [(names.stratum(one.key), one) for one in counts],
        "nearly_used": may_grow and any(one.nearly_used for one in counts),
        "used_up": any(one.used_up for one in counts),
        "waiting": selectors.waiting_sites(trial),
        "refused": refusal(design.refuse_what_can_be_guessed),
        "may_seal": not sealed and may_seal,
        "may_approve": may_seal,
        "may_allocate_sites": may_seal,
        "may_extend": may_grow and may_seal,
        "may_reserve": has_permission(request.user, Permission.RESERVE_ENVELOPES, trial=trial),
        "reveal": reveal,
        "may_reveal": sealed and may_seal and is_locked(trial) and not reveal,
    }
