from typing import Any, NoReturn

from django.contrib.admin import AdminSite
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from trial.accounts.permissions import Permission
from trial.core.clock import now

WORDS = (
    gettext_lazy("Error:"),
    ngettext_lazy("Please correct the error below.", "Please correct the errors below."),
)
"""Said by Django's forms and missing from its Norwegian catalogues: named here, they are in ours."""


class OfficeSite(AdminSite):
    """The coordinators' office. Who comes in is decided by memberships; logging in is allauth's."""

    site_header = "Tilbake"
    site_title = "Tilbake"
    index_title = _("Office")
    index_template = "office/dashboard.html"
    site_url = None
    enable_nav_sidebar = False

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Pages of ours only: libraries bring admins that know nothing of memberships."""
        from trial.core.models import Model  # models are not loaded yet when the site is made

        models = [model_or_iterable] if isinstance(model_or_iterable, type) else model_or_iterable
        super().register([model for model in models if issubclass(model, Model)], admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.has_perm(Permission.VIEW_OFFICE))

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        from trial.office.dashboard import dashboard
        from trial.people.access import staff

        return super().index(request, {**dashboard(staff(request), now()), **(extra_context or {})})

    def app_index(
        self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None
    ) -> NoReturn:
        """No page for the lists of one app: the dashboard has them all."""
        raise Http404

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Whoever is logged in and has no business here is shown to the first room of their own."""
        from trial.office.templatetags.navigation import rooms_of

        if request.user.is_authenticated:
            return redirect(next((room.address for room in rooms_of(request.user)), "/"))
        following = urlencode({"next": request.GET.get("next", reverse("admin:index"))})
        return redirect(f"{reverse('account_login')}?{following}")

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return redirect("account_logout")

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return redirect("account_change_password")
