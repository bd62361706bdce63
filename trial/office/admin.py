"""The office's own registrations: the participants, whose page is one story, and the users."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _

from randomization.selectors import allocated
from trial.accounts.permissions import Permission
from trial.core.clock import now
from trial.office import (  # noqa: F401 - some register themselves
    envelopes,
    trail,
    trials,
    unblind,
    users,
    views,
)
from trial.office.forms import FindForm
from trial.office.story import as_known, standing
from trial.office.worklists import BY_KEY, WORKLISTS
from trial.people.admin_base import OfficeModelAdmin, number_in
from trial.people.models import Participant
from trial.people.selectors import current_facts, has_permission, sites_for, trials_for
from trial.people.study_id import read_study_id


class WithFacts(ChangeList):
    """The page's participants with what holds for them, in a few queries for all."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        known = current_facts(self.result_list, now())
        unblinded = set(sites_for(request.user, Permission.VIEW_ARM).values_list("pk", flat=True))
        randomized = set(
            allocated().filter(pk__in=[one.pk for one in self.result_list]).values_list("pk", flat=True)
        )
        for participant in self.result_list:
            may = participant.site_id in unblinded
            participant.facts = as_known(known[participant.pk], may_view_arm=may)
            participant.randomized = participant.pk in randomized


class WorklistFilter(admin.SimpleListFilter):
    """Those who wait for the same thing."""

    title = _("worklist")
    parameter_name = "worklist"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(worklist.key, worklist.title) for worklist in WORKLISTS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Participant]) -> QuerySet[Participant]:
        worklist = BY_KEY.get(self.value() or "")
        return worklist.among(queryset) if worklist else queryset


@admin.register(Participant)
class ParticipantAdmin(OfficeModelAdmin):
    """By study id only. No column tells an arm, and none tells who a participant is."""

    view_permission = Permission.VIEW_PARTICIPANT
    site_path = "site"
    list_display = ("study_id", "stands", "site", "trial", "registered")
    list_filter = (WorklistFilter, "trial", "site")
    list_select_related = ("site", "trial")
    search_fields = ("study_id",)
    search_help_text = _("Study id, as it is written or as you heard it")
    list_per_page = 50

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Participant], search_term: str
    ) -> tuple[QuerySet[Participant], bool]:
        """A whole study id is found however it was typed; a part of one as it stands."""
        written = read_study_id(search_term) or search_term.strip()
        return queryset.filter(study_id__icontains=written), False

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Whoever has waited longest is first on a worklist."""
        return ("registered_at",) if request.GET.get("worklist") in BY_KEY else ("-registered_at",)

    def get_list_display(self, request: HttpRequest) -> Any:
        """The trial is a column for those who work in several."""
        several = trials_for(request.user, self.view_permission).count() > 1
        return [name for name in self.list_display if several or name != "trial"]

    @admin.display(description=_("Registered"), ordering="registered_at")
    def registered(self, participant: Participant) -> str:
        return date_format(localtime(participant.registered_at), "SHORT_DATE_FORMAT")

    @admin.display(description=_("Status"))
    def stands(self, participant: Participant) -> str:
        stands = standing(participant.facts, randomized=participant.randomized)  # type: ignore[attr-defined]
        return format_html('<span class="tb-pill" data-tone="{}">{}</span>', stands.tone, stands.label)

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return WithFacts

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context: dict[str, Any] = {"title": _("Participants")}
        if has_permission(request.user, Permission.READ_IDENTITY):
            context["find_form"] = FindForm()
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        return views.participant(request, number_in(object_id))

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return views.history(request, number_in(object_id))

    def get_urls(self) -> list[URLPattern]:
        acts = {
            "verify": views.verify,
            "randomize": views.randomize,
            "allocation": views.allocation,
            "certificate": views.certificate,
            "deviation": views.deviation,
            "identity": views.identity,
            "status": views.status,
            "envelope": envelopes.use,
            "unblind": unblind.ask,
        }
        own = [
            path(f"<int:pk>/{name}/", self.admin_site.admin_view(view), name=f"people_participant_{name}")
            for name, view in acts.items()
        ]
        wrap = self.admin_site.admin_view
        return [
            path("find/", wrap(views.find), name="people_participant_find"),
            path("envelopes/", wrap(envelopes.overview), name="people_participant_envelopes"),
            path(
                "envelopes/<int:number>/",
                wrap(envelopes.give_back),
                name="people_participant_envelope_return",
            ),
            path(
                "<int:pk>/unblindings/<int:number>/",
                wrap(unblind.unblinding),
                name="people_participant_unblinding",
            ),
            path(
                "<int:pk>/unblindings/<int:number>/decide/",
                wrap(unblind.decide),
                name="people_participant_unblinding_decide",
            ),
            *own,
            *super().get_urls(),
        ]
