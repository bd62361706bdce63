"""The users: invited from here, never signed up. What they may do stands in their memberships."""

from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from trial.accounts.models import User
from trial.accounts.permissions import Permission
from trial.accounts.services import change_email, invite, send_invitation
from trial.people.admin_base import OfficeModelAdmin
from trial.people.selectors import users_to_grant_to


@admin.action(description=gettext_lazy("Send a new link to choose a password"), permissions=["change"])
def send_link(model_admin: admin.ModelAdmin, request: HttpRequest, users: QuerySet[User]) -> None:
    """Whoever lost the first invitation gets another; who may not log in gets none."""
    active = list(users.filter(is_active=True))
    for user in active:
        send_invitation(user=user)
    messages.success(request, _("Sent to %(count)d.") % {"count": len(active)})


@admin.action(description=gettext_lazy("Take away the second step of the log-in"), permissions=["change"])
def remove_second_step(model_admin: admin.ModelAdmin, request: HttpRequest, users: QuerySet[User]) -> None:
    """For whoever lost phone and recovery codes; they set up a new one when they next log in."""
    Authenticator.objects.filter(user__in=users).delete()
    messages.success(request, _("Whoever logs in now sets up a new second step."))


@admin.register(User)
class UserAdmin(OfficeModelAdmin):
    """Trial managers invite, and see whom they may give roles to. Addresses and the right to log in are
    changed by who runs the installation: with them one could take over the account of somebody who may do
    more."""

    view_permission = Permission.MANAGE_MEMBERS
    add_permission = Permission.MANAGE_MEMBERS
    change_permission = Permission.VIEW_SYSTEM

    list_display = ("name", "email", "is_active", "last_login")
    list_filter = ("is_active",)
    search_fields = ("name", "email")
    fields = ("name", "email", "is_active")
    actions = (send_link, remove_second_step)  # type: ignore[assignment]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).filter(pk__in=users_to_grant_to(request.user).values("pk"))

    def get_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        return ("name", "email", "is_active", "created_at", "last_login") if obj else ("name", "email")

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        return ("created_at", "last_login")

    def save_model(self, request: HttpRequest, user: User, form: forms.ModelForm, change: bool) -> None:
        if not change:
            invited = invite(email=user.email, name=user.name)
            user.pk = invited.pk
            messages.info(request, _("%(email)s gets a link to choose a password.") % {"email": user.email})
            return
        user.save()
        if "email" in form.changed_data:
            change_email(user=user, email=user.email)
