"""What anybody may see of a trial's randomization."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import get_language
from django.views.decorators.http import require_GET

from randomization import selectors
from randomization.commitment_pdf import commitment_pdf
from randomization.commitments import (
    VERIFIER,
    commands,
    lists_of,
    meaning,
    published,
    reveal_of,
    revealed_files,
    verifier,
)
from randomization.models import SealedList
from randomization.views.downloads import TEXT, download
from randomization.views.versions import of_list
from trial.core.qr import qr_path
from trial.protocol.models import Trial
from trial.protocol.selectors import protocol_of


@require_GET
def commitment(request: HttpRequest, slug: str) -> HttpResponse:
    """What anybody may write down before the first participant, and compare with the list at the end."""
    trial = get_object_or_404(Trial, slug=slug)
    sealed = selectors.sealed_list(trial)
    protocol = protocol_of(of_list(sealed, trial))
    context = {"trial": trial, "sealed": sealed, "protocol": protocol}
    return render(request, "randomization/commitment.html", context | (_about(sealed) if sealed else {}))


def _about(sealed: SealedList) -> dict[str, object]:
    first, *longer = published(sealed)
    return {
        "meaning": meaning(sealed),
        "first": first,
        "longer": longer,
        "lists": lists_of(sealed),
        "qr": qr_path(sealed.commitment),
        "reveal": reveal_of(sealed),
        "verifier": VERIFIER,
        "files": [VERIFIER, *_names(sealed)],
        "commands": commands(sealed),
    }


@require_GET
def document(request: HttpRequest, slug: str) -> HttpResponse:
    """The same on paper, for the ethics committee."""
    sealed = _sealed(slug)
    pdf = commitment_pdf(sealed, language=get_language() or "en")
    return download(f"{slug}-commitment.pdf", pdf)


@require_GET
def revealed(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """A file by which anybody checks the list: the verifier always, list and nonce after the reveal."""
    sealed = _sealed(slug)
    if name == VERIFIER:
        content = verifier()
    elif name in _names(sealed) and reveal_of(sealed):
        content = revealed_files(sealed)[name]
    else:
        raise Http404
    return download(name, content, TEXT)


def _names(sealed: SealedList) -> list[str]:
    """Of all files by which the list is checked."""
    seed = ["seed.txt"] if sealed.seed else []
    return [*(name for one in published(sealed) for name in one.files), *seed]


def _sealed(slug: str) -> SealedList:
    sealed = selectors.sealed_list(get_object_or_404(Trial, slug=slug))
    if sealed is None:
        raise Http404
    return sealed
