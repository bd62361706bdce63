"""The trail as a whole, for monitors: who changed and who read what, when and why. It never tells an arm."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Cast, Concat
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from trial.accounts.models import User
from trial.accounts.permissions import Permission
from trial.audit import reading
from trial.audit.history import entries, nameless, thing
from trial.audit.models import AuditEvent, ReadEvent
from trial.audit.selectors import (
    belonging,
    history_of_participant,
    readings_without_arms,
    rows_of,
    tells_arm,
    without_arms,
)
from trial.office.answers import AnswersInWords
from trial.people.admin_base import OfficeModelAdmin
from trial.people.models import Membership, Participant
from trial.people.selectors import granting, participants_for
from trial.people.study_id import read_study_id

MOST = 10_000


class Pages(Paginator):
    """Counts no further than anybody leafs: the trail has millions of rows."""

    @cached_property
    def count(self) -> int:
        return self.object_list.order_by()[:MOST].count()  # type: ignore[attr-defined]


class ThingFilter(admin.SimpleListFilter):
    """One kind of thing at a time; who sees single trials only sees what belongs to them this way, and has
    no choice of all."""

    title = _("thing")
    parameter_name = "thing"
    everywhere: bool

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        self.everywhere = model_admin.everywhere(request)
        tables = {model._meta.db_table for model in belonging("protocol.Trial")}
        tables |= {User._meta.db_table} if self.everywhere else set()
        return sorted(((table, thing(table)) for table in tables if not tells_arm(table)), key=lambda t: t[1])

    def value(self) -> str | None:
        return super().value() or (None if self.everywhere else Participant._meta.db_table)

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Django's first choice is all of them."""
        return islice(super().choices(changelist), 0 if self.everywhere else 1, None)

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        return queryset.filter(table_name=self.value()) if self.value() else queryset


class TrailAdmin(OfficeModelAdmin):
    """What both logs share."""

    view_permission = Permission.VIEW_AUDIT
    ordering = ("-id",)
    paginator = Pages
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        user = User.objects.annotate(
            actor=Concat(Value("user:"), Cast("pk", TextField()), output_field=TextField())
        )
        name = user.filter(actor=OuterRef("actor")).values("name")[:1]
        return super().get_queryset(request).annotate(user_name=Subquery(name))

    @admin.display(description=_("who"))
    def who(self, event: Any) -> str:
        return event.user_name or nameless(event.actor)

    @staticmethod
    def everywhere(request: HttpRequest) -> bool:
        """Whether they may read the trail of the whole installation."""
        return granting(request.user, Permission.VIEW_AUDIT).filter(trial=None).exists()


@admin.register(AuditEvent)
class AuditEventAdmin(TrailAdmin):
    list_display = ("at", "who", "action", "kind", "row_id", "reason")
    list_filter = (ThingFilter, "action")
    change_form_template = "audit/event.html"
    search_fields = ("=row_id", "=actor", "=request", "reason")
    search_help_text = _("A study id, a row's number, user:12, a request's id, or words of a reason")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEvent]:
        events = without_arms(super().get_queryset(request))
        if self.everywhere(request):
            return events
        trials = granting(request.user, Permission.VIEW_AUDIT).filter(site=None).values("trial")
        model = _model(request.GET.get(ThingFilter.parameter_name, "")) or Participant
        rows = rows_of(model, "protocol.Trial", trials).values("row")
        return events.filter(table_name=model._meta.db_table, row_id__in=rows)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context: dict[str, Any] = dict(extra_context or {})
        if not self.everywhere(request):
            context["subtitle"] = _("One kind of thing is shown at a time. Choose another in the filter.")
        return super().changelist_view(request, context)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEvent], search_term: str
    ) -> tuple[QuerySet[AuditEvent], bool]:
        """A study id, however typed, finds what happened to the participant and to all that is theirs."""
        one = Participant.objects.filter(study_id=read_study_id(search_term)).first()
        if one is None:
            return super().get_search_results(request, queryset, search_term)
        return queryset.filter(pk__in=history_of_participant(one.pk).values("pk")), False

    @admin.display(description=_("thing"))
    def kind(self, event: AuditEvent) -> str:
        return thing(event.table_name)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """What changed, in words."""
        event = self.get_object(request, object_id)
        events = [event] if event else []
        context = {"entries": entries(events, AnswersInWords(events)), **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)


class KindFilter(admin.SimpleListFilter):
    """Readings of one kind."""

    title = _("what")
    parameter_name = "what"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return reading.kinds()

    def queryset(self, request: HttpRequest, queryset: QuerySet[ReadEvent]) -> QuerySet[ReadEvent]:
        chosen = self.value()
        if chosen in reading.BEGINNINGS:
            return queryset.filter(what__startswith=chosen)
        return queryset.filter(what=chosen) if chosen else queryset


@admin.register(ReadEvent)
class ReadEventAdmin(TrailAdmin):
    list_display = ("at", "who", "kind", "study_id", "details", "why")
    list_filter = (KindFilter,)
    fields = ("at", "who", "kind", "study_id", "details", "why", "request")
    readonly_fields = ("who", "kind", "details", "why")
    search_fields = ("=study_id", "=actor", "=request", "reason")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReadEvent]:
        readings = readings_without_arms(super().get_queryset(request))
        if self.everywhere(request):
            return readings
        participants = participants_for(request.user, Permission.VIEW_AUDIT)
        own = Q(study_id__in=participants.values("study_id"))
        return readings.filter(own | Q(study_id="", what="identity", actor__in=_staff_of(request.user)))

    @admin.display(description=_("what"))
    def kind(self, read: ReadEvent) -> str:
        return reading.what_in_words(read.what)

    @admin.display(description=_("fields"))
    def details(self, read: ReadEvent) -> str:
        return reading.fields_in_words(read.fields)

    @admin.display(description=_("reason"))
    def why(self, read: ReadEvent) -> str:
        return reading.reason_in_words(read.reason)


def _staff_of(user: Any) -> QuerySet[Membership, str]:
    """Who worked or works in the trials whose trail the user reads, as the trail names them: searches that
    found nobody are theirs, and belong to no participant."""
    trials = granting(user, Permission.VIEW_AUDIT).filter(site=None).values("trial")
    actor = Concat(Value("user:"), Cast("user", TextField()), output_field=TextField())
    return Membership.objects.filter(trial__in=trials).values_list(actor, flat=True)


def _model(table: str) -> type[Model] | None:
    """The model of a table whose rows belong to a trial."""
    return next((model for model in belonging("protocol.Trial") if model._meta.db_table == table), None)
