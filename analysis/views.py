"""The data room: how the trial goes, and its snapshots. Nothing here tells an arm before the data are
locked."""

from typing import cast

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from analysis import services
from analysis.errors import SnapshotGone
from analysis.models import Snapshot
from analysis.monitoring import Monitoring
from trial.accounts.models import User
from trial.accounts.permissions import Permission
from trial.core.clock import now
from trial.people.access import access_trial, requires
from trial.people.selectors import has_permission


@requires(Permission.VIEW_DATA_ROOM)
@require_safe
def room(request: HttpRequest, slug: str) -> HttpResponse:
    """Recruitment, flow, answers and snapshots of one trial."""
    trial = access_trial(request.user, slug, Permission.VIEW_DATA_ROOM)
    may_download = has_permission(request.user, Permission.DOWNLOAD_EXPORT, trial=trial)
    may_see = has_permission(request.user, Permission.VIEW_UNBLINDINGS, trial=trial)
    shown = {
        "trial": trial,
        "now": Monitoring(trial, now()),
        "may_download": may_download,
        "may_see_unblindings": may_see,
    }
    return render(request, "analysis/room.html", shown)


@requires(Permission.DOWNLOAD_EXPORT)
@never_cache
@require_POST
def download(request: HttpRequest, slug: str, pk: int) -> HttpResponseBase:
    """The snapshot's zip; that it was fetched is recorded first."""
    trial = access_trial(request.user, slug, Permission.DOWNLOAD_EXPORT)
    snapshot = get_object_or_404(Snapshot, trial=trial, pk=pk)
    try:
        file = services.fetch(snapshot=snapshot, by=cast(User, request.user), now=now())
    except SnapshotGone as gone:
        messages.error(request, str(gone))
        return redirect("analysis:room", slug)
    return FileResponse(file, as_attachment=True, filename=snapshot.file_name, content_type="application/zip")
