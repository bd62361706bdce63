"""The data room: how the trial goes, and its snapshots. Nothing here tells an arm before the data are
locked."""

from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from analysis import selectors, services
from analysis.models import Snapshot
from trial.accounts.permissions import Permission
from trial.core.clock import now
from trial.people.access import access_trial, requires


@requires(Permission.VIEW_DATA_ROOM)
@require_safe
def data_room(request: HttpRequest, slug: str) -> HttpResponse:
    """Recruitment, flow, answers and snapshots of one trial."""
    trial = access_trial(request.user, slug, Permission.VIEW_DATA_ROOM)
    room = selectors.data_room(trial, user=request.user, now=now())
    return render(request, "analysis/data_room.html", {"room": room})


@requires(Permission.DOWNLOAD_EXPORT)
@never_cache
@require_POST
def download(request: HttpRequest, slug: str, pk: int) -> FileResponse:
    """The snapshot's zip; that it was fetched is recorded first."""
    trial = access_trial(request.user, slug, Permission.DOWNLOAD_EXPORT)
    snapshot = get_object_or_404(Snapshot, trial=trial, pk=pk)
    file = services.fetch(snapshot=snapshot, by=request.user, now=now())
    return FileResponse(file, as_attachment=True, filename=snapshot.file_name, content_type="application/zip")
