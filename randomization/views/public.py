"""What anybody may see of a trial's randomization."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from randomization import selectors
from randomization.design import design_of
from randomization.designs import PairDesign
from randomization.views.desk import in_force
from trial.protocol.models import Trial
from trial.protocol.selectors import protocol_of


@require_GET
def commitment(request: HttpRequest, slug: str) -> HttpResponse:
    """What anybody may write down before the first participant, and compare with the list at the end."""
    trial = get_object_or_404(Trial, slug=slug)
    sealed = selectors.sealed_list(trial)
    protocol = protocol_of(sealed.protocol_version if sealed else in_force(trial))
    in_pairs = isinstance(design_of(protocol), PairDesign)
    context = {"trial": trial, "sealed": sealed, "protocol": protocol, "in_pairs": in_pairs}
    return render(request, "randomization/commitment.html", context)
