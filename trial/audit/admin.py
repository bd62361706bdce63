"""For the office: an object's history, told from the trail."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from trial.accounts.permissions import Permission
from trial.audit.history import entries
from trial.audit.selectors import history_of, tells_arm

PAGE = 50


class HistoryFromTrail(admin.ModelAdmin):
    """Replaces Django's log of the admin by the trail, which also knows what happened elsewhere."""

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        if not self.has_view_permission(request, row) or not _may_know(request, row):
            raise PermissionDenied
        page = Paginator(history_of(row), PAGE).get_page(request.GET.get("page"))
        context = {
            **self.admin_site.each_context(request),
            "title": _("History: %(row)s") % {"row": row},
            "opts": self.opts,
            "object": row,
            "page": page,
            "entries": entries(page.object_list),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "audit/history.html", context)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Django's own log stays empty: the database's trigger has recorded it."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """See `log_addition`."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """See `log_addition`."""


def _may_know(request: HttpRequest, row: Model) -> bool:
    return not tells_arm(row._meta.db_table) or request.user.has_perm(Permission.VIEW_ARM, row)
