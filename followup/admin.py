"""Follow-up's rooms in the office. Rows are never edited there: each act is a page with one service."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from followup import office
from followup.models import Call, Occasion, UnclearReply
from followup.selectors import replies_for
from trial.accounts.permissions import Permission
from trial.people.admin_base import OfficeModelAdmin, number_in


@admin.register(UnclearReply)
class UnclearReplyAdmin(OfficeModelAdmin):
    """A worklist: its pages are our own."""

    view_permission = Permission.RESOLVE_REPLY

    def get_queryset(self, request: HttpRequest) -> QuerySet[UnclearReply]:
        return replies_for(request.user)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return office.unclear_replies(request)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        return office.resolve(request, pk=number_in(object_id))


@admin.register(Call)
class CallAdmin(OfficeModelAdmin):
    """All calls, and the pages for making one."""

    view_permission = Permission.RECORD_CALL
    site_path = "participant__site"
    list_display = ("participant", "outcome", "at", "by")
    list_filter = ("outcome", "participant__trial")
    list_select_related = ("participant", "by")
    search_fields = ("participant__study_id",)
    fields = ("participant", "outcome", "note", "at", "by")

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path("worklist/", wrap(office.calls), name="followup_call_worklist"),
            path("record/<int:pk>/", wrap(office.call), name="followup_call_record"),
            path("weeks/<int:pk>/", wrap(office.weeks), name="followup_weeks"),
            path("weeks/<int:pk>/<int:number>/", wrap(office.correct), name="followup_correct"),
        ]
        return [*own, *super().get_urls()]


@admin.register(Occasion)
class OccasionAdmin(OfficeModelAdmin):
    """What is planned for whom, and what became of it."""

    view_permission = Permission.VIEW_PARTICIPANT
    site_path = "participant__site"
    list_display = ("participant", "key", "opens_at", "closes_at", "turned_at", "skipped")
    list_filter = ("kind", "participant__trial")
    list_select_related = ("participant",)
    search_fields = ("participant__study_id",)
    date_hierarchy = "opens_at"

    @admin.display(description=_("why it was not asked"))
    def skipped(self, occasion: Occasion) -> str:
        return ", ".join(skip.get_reason_display() for skip in occasion.skips.all())

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("skips")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
