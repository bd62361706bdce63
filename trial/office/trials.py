"""A trial's own page: what it does now, the versions of its protocol, and the acts of the trial manager."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from randomization.envelopes import accounts, envelopes_out
from randomization.unblindings import rules_of
from trial.accounts.permissions import Permission
from trial.audit.history import names_of
from trial.core.clock import now
from trial.core.errors import DomainError
from trial.office.forms import MAX_REASON
from trial.people.admin_base import OfficeModelAdmin, number_in
from trial.people.selectors import has_permission, trials_for
from trial.people.services import put_in_force
from trial.protocol.diff import differences, flat, tells_design
from trial.protocol.models import Activation, ProtocolVersion, Trial, TrialStatus
from trial.protocol.selectors import protocol_of, status_of, study_of
from trial.protocol.services import set_trial_status, steps_from


class StatusForm(forms.Form):
    """The next step of the trial, and why."""

    name = forms.ChoiceField(
        label=gettext_lazy("The trial is from now on"),
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose what the trial does from now on.")},
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": gettext_lazy("Write why.")},
    )

    def __init__(self, present: TrialStatus.Name, data: Any = None) -> None:
        super().__init__(data)
        self.steps = steps_from(present)
        name = self.fields["name"]
        assert isinstance(name, forms.ChoiceField)
        name.choices = [(step.value, step.label) for step in self.steps]

    @property
    def is_final(self) -> bool:
        return bool(self.cleaned_data["name"] == TrialStatus.Name.LOCKED)


def _open(request: HttpRequest, pk: int, permission: Permission) -> Trial:
    """The door: a trial in which the user may, at one site at least; else 404."""
    return get_object_or_404(trials_for(request.user, permission), pk=pk)


def _manage(request: HttpRequest, pk: int) -> Trial:
    """The door for decisions, which hold for all sites: who manages the whole trial comes in; else 404."""
    one = _open(request, pk, Permission.MANAGE_TRIAL)
    if not has_permission(request.user, Permission.MANAGE_TRIAL, trial=one):
        raise Http404
    return one


@never_cache
@require_GET
def trial(request: HttpRequest, pk: int) -> HttpResponse:
    """What the trial does now, and all that was decided about it."""
    one = _open(request, pk, Permission.VIEW_OFFICE)
    return render(request, "office/trial.html", _story(request, one, StatusForm(status_of(one))))


@dataclass(frozen=True)
class Loaded:
    """A version, and when and by whom it was put in force."""

    version: ProtocolVersion
    activation: Activation | None
    who: str
    in_force: bool


@dataclass(frozen=True)
class Decided:
    """A status of the trial, and by whom it was decided."""

    status: TrialStatus
    who: str


def _story(request: HttpRequest, one: Trial, form: StatusForm) -> dict[str, Any]:
    activations = {row.version_id: row for row in one.activations.all()}
    statuses = list(one.statuses.order_by("-id"))
    names = names_of([*(row.by for row in activations.values()), *(row.by for row in statuses)])
    newest = max(activations.values(), key=lambda row: row.pk, default=None)
    versions = [
        Loaded(version, row, names[row.by] if row else "", in_force=row is not None and row == newest)
        for version in one.versions.order_by("-id")
        for row in [activations.get(version.pk)]
    ]
    return {
        "trial": one,
        "names": protocol_of(newest.version).names.in_(get_language() or "") if newest else one.slug,
        "status": status_of(one),
        "statuses": [Decided(row, names[row.by]) for row in statuses],
        "versions": versions,
        "may_manage": has_permission(request.user, Permission.MANAGE_TRIAL, trial=one),
        "form": form,
        "envelopes_out": envelopes_out(one),
        "may_see_unblindings": rules_of(one) is not None
        and one in trials_for(request.user, Permission.VIEW_UNBLINDINGS),
        "may_see_envelopes": has_permission(request.user, Permission.VIEW_PARTICIPANT),
    }


@never_cache
@require_POST
def status(request: HttpRequest, pk: int) -> HttpResponse:
    """Open, close or lock the trial; locking is asked about once more."""
    one = _manage(request, pk)
    if request.POST.get("name") == status_of(one):  # a second click
        return redirect("admin:protocol_trial_change", pk)
    form = StatusForm(status_of(one), request.POST)
    if not form.is_valid():
        return render(request, "office/trial.html", _story(request, one, form))
    if form.is_final and "sure" not in request.POST:
        sites = accounts(one.sites.all(), get_language() or "")
        context = {"trial": one, "form": form, "envelopes_out": [each for each in sites if each.out]}
        return render(request, "office/lock.html", context)
    try:
        set_trial_status(trial=one, by=_actor(request), now=now(), **form.cleaned_data)
    except DomainError as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("It is recorded."))
    return redirect("admin:protocol_trial_change", pk)


def _actor(request: HttpRequest) -> str:
    return f"user:{request.user.pk}"


@never_cache
@require_GET
def version(request: HttpRequest, pk: int, version_pk: int) -> HttpResponse:
    """What a version says, key by key, and what differs from the one before.

    How the lists are made is left out, and so are the file's comments, which may speak of it.
    """
    one = _open(request, pk, Permission.VIEW_OFFICE)
    shown = get_object_or_404(one.versions, pk=version_pk)
    before = one.versions.filter(pk__lt=shown.pk).order_by("-id").first()
    changed = differences(study_of(before), study_of(shown)) if before else []
    context = {
        "trial": one,
        "version": shown,
        "before": before,
        "differences": [each for each in changed if not tells_design(each.path)],
        "number_of_differences": len(changed),
        "design_differs": any(tells_design(each.path) for each in changed),
        "keys": [(key, text) for key, text in flat(protocol_of(shown)).items() if not tells_design(key)],
        "may_activate": not shown.activations.exists()
        and has_permission(request.user, Permission.MANAGE_TRIAL, trial=one),
    }
    return render(request, "office/version.html", context)


@never_cache
@require_POST
def activate(request: HttpRequest, pk: int, version_pk: int) -> HttpResponse:
    """Put a loaded version in force."""
    one = _manage(request, pk)
    chosen = get_object_or_404(one.versions, pk=version_pk)
    try:
        put_in_force(version=chosen, by=_actor(request), now=now())
    except DomainError as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("Version %(version)s is in force.") % {"version": chosen.version})
    return redirect("admin:protocol_trial_change", pk)


@admin.register(Trial)
class TrialAdmin(OfficeModelAdmin):
    """The trials that one works in."""

    trial_path = "pk"
    list_display = ("slug", "does")

    @admin.display(description=gettext_lazy("Status"))
    def does(self, one: Trial) -> str:
        return str(status_of(one).label)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        return trial(request, number_in(object_id))

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/status/", wrap(status), name="protocol_trial_status"),
            path("<int:pk>/versions/<int:version_pk>/", wrap(version), name="protocol_trial_version"),
            path(
                "<int:pk>/versions/<int:version_pk>/activate/", wrap(activate), name="protocol_trial_activate"
            ),
            *super().get_urls(),
        ]
