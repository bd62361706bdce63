"""How a page of the office decides who may open it: by membership, never by Django's model permissions."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Field, Model, QuerySet
from django.http import Http404, HttpRequest

from trial.accounts.permissions import Permission
from trial.audit.admin import HistoryFromTrail
from trial.people.models import Site
from trial.people.selectors import sites_for, trials_for
from trial.protocol.models import Trial

OWN: dict[Any, Callable[..., QuerySet[Any]]] = {Trial: trials_for, Site: sites_for}


class OfficeModelAdmin(HistoryFromTrail):
    """Read-only until it names a permission for writing; shows only rows of the user's own trials and sites.

    `site_path` or `trial_path` is the way from the model to its site or trial: `"participant__site"`, or
    `"pk"` where the model is the site itself. With neither, whoever has the permission sees all rows.
    """

    view_permission: ClassVar[Permission] = Permission.VIEW_OFFICE
    change_permission: ClassVar[Permission | None] = None
    add_permission: ClassVar[Permission | None] = None
    site_path: ClassVar[str] = ""
    trial_path: ClassVar[str] = ""

    actions = None
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        if self.site_path:
            return rows.filter(**{f"{self.site_path}__in": sites_for(request.user, self.view_permission)})
        if self.trial_path:
            return rows.filter(**{f"{self.trial_path}__in": trials_for(request.user, self.view_permission)})
        return rows

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return _may(request, self.view_permission)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return _may(request, self.change_permission)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _may(request, self.add_permission)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nothing is deleted in the office: what happened stays."""
        return False


class OwnFilter(admin.RelatedFieldListFilter):
    """Offers the trials and sites where the user may see these rows: what others there are is not told."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> Any:
        assert isinstance(model_admin, OfficeModelAdmin)
        own = OWN[field.related_model](request.user, model_admin.view_permission)
        ordering = self.field_admin_ordering(field, request, model_admin)
        return field.get_choices(include_blank=False, ordering=ordering, limit_choices_to={"pk__in": own})


def _is_own(field: Field) -> bool:
    return field.related_model in OWN


admin.FieldListFilter.register(_is_own, OwnFilter, take_priority=True)


def number_in(address: str) -> int:
    """The primary key that an address of the admin names; 404 where it is no number."""
    if not address.isdecimal():
        raise Http404
    return int(address)


def _may(request: HttpRequest, permission: Permission | None) -> bool:
    return permission is not None and request.user.has_perm(permission)
