"""Sites and memberships in the office. Participants have a page of their own there; identities have none."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.db.models.fields import BLANK_CHOICE_DASH
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from trial.accounts.models import User
from trial.accounts.permissions import Permission
from trial.accounts.roles import CHOICES, RUN_THE_SERVER
from trial.core.clock import now
from trial.core.errors import DomainError
from trial.people.admin_base import OfficeModelAdmin
from trial.people.models import Membership, Site
from trial.people.selectors import (
    grants_everywhere,
    may_manage_members,
    trials_to_grant_in,
    users_to_grant_to,
)
from trial.people.services import close_site, end_membership, grant, must_grant, open_site


def _user(request: HttpRequest) -> User:
    """Who acts: the office lets nobody in who is not a user."""
    assert isinstance(request.user, User)
    return request.user


class SiteForm(forms.ModelForm):
    takes_in = forms.BooleanField(label=_("Takes in participants"), required=False)

    class Meta:
        model = Site
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["takes_in"] = self.instance.is_open


@admin.register(Site)
class SiteAdmin(OfficeModelAdmin):
    """What a site is stands in the protocol; whether it takes in participants is decided here."""

    view_permission = Permission.VIEW_OFFICE
    change_permission = Permission.MANAGE_TRIAL
    site_path = "pk"
    form = SiteForm
    list_display = ("name", "trial", "pair", "takes_in", "opened_at", "closed_at")
    list_filter = ("trial",)
    list_select_related = ("trial",)
    search_fields = ("name", "key")
    fields = ("name", "trial", "key", "pair", "opened_at", "closed_at", "takes_in")
    readonly_fields = ("name", "trial", "key", "pair", "opened_at", "closed_at")

    @admin.display(boolean=True, description=_("open"))
    def takes_in(self, site: Site) -> bool:
        return site.is_open

    def get_fields(self, request: HttpRequest, obj: Site | None = None) -> tuple[str, ...]:
        return self.fields if self.has_change_permission(request, obj) else self.readonly_fields

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(Permission.MANAGE_TRIAL, obj)

    def save_model(self, request: HttpRequest, obj: Site, form: SiteForm, change: bool) -> None:
        act = open_site if form.cleaned_data["takes_in"] else close_site
        act(site=obj, by=_user(request), now=now())


class GrantForm(forms.ModelForm):
    """Gives a role. Offers only what this person may give, and refuses what the service would refuse, beside
    the fields, keeping what was chosen."""

    by: User

    class Meta:
        model = Membership
        fields = ("user", "role", "trial", "site")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        trials = trials_to_grant_in(self.by)
        offered = {"user": users_to_grant_to(self.by), "trial": trials}
        offered["site"] = Site.objects.filter(trial__in=trials).select_related("trial")
        for name, rows in offered.items():
            field = self.fields[name]
            assert isinstance(field, forms.ModelChoiceField)
            field.queryset = rows
        if not grants_everywhere(self.by):
            role = self.fields["role"]
            assert isinstance(role, forms.ChoiceField)
            role.choices = BLANK_CHOICE_DASH + [one for one in CHOICES if one[0] not in RUN_THE_SERVER]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        trial, site = cleaned.get("trial"), cleaned.get("site")
        if site is not None and trial is not None and site.trial_id != trial.pk:
            self.add_error("site", _("This site belongs to another trial."))
        elif "user" in cleaned and "role" in cleaned:
            cleaned["trial"] = site.trial if site else trial
            try:
                must_grant(user=cleaned["user"], role=cleaned["role"], trial=cleaned["trial"], by=self.by)
            except DomainError as refusal:
                self.add_error(None, str(refusal))
        return cleaned

    def validate_constraints(self) -> None:
        """A role that is held already is given again without harm: the service returns it."""


class EndForm(forms.ModelForm):
    ends = forms.BooleanField(label=_("End this role now"), required=False)

    class Meta:
        model = Membership
        fields = ()


class HeldFilter(admin.SimpleListFilter):
    """Who works here now, or who did."""

    title = _("membership")
    parameter_name = "held"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("now", _("Held now")), ("ended", _("Ended"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Membership]) -> QuerySet[Membership]:
        if self.value() not in ("now", "ended"):
            return queryset
        return queryset.filter(ended_at__isnull=self.value() == "now")


@admin.register(Membership)
class MembershipAdmin(OfficeModelAdmin):
    """Who works where: given and ended, never edited."""

    view_permission = add_permission = change_permission = Permission.MANAGE_MEMBERS
    list_display = ("user", "role", "trial", "site", "granted_at", "ended_at")
    list_filter = ("role", "trial", HeldFilter)
    list_select_related = ("user", "trial", "site")
    search_fields = ("user__name", "user__email")
    readonly_fields = ("user", "role", "trial", "site", "granted_at", "granted_by", "ended_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return may_manage_members(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        ended = isinstance(obj, Membership) and obj.ended_at is not None
        return super().has_change_permission(request, obj) and not ended

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> tuple[str, ...]:
        return self.readonly_fields if obj else ()

    def get_fields(self, request: HttpRequest, obj: Membership | None = None) -> tuple[str, ...]:
        if obj is None:
            return GrantForm.Meta.fields
        return (
            (*self.readonly_fields, "ends")
            if self.has_change_permission(request, obj)
            else self.readonly_fields
        )

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm]:
        form = EndForm if obj else type("GrantForm", (GrantForm,), {"by": request.user})
        return super().get_form(request, obj, change, **(kwargs | {"form": form}))

    def save_model(self, request: HttpRequest, obj: Membership, form: forms.ModelForm, change: bool) -> None:
        if not change:
            asked = {key: form.cleaned_data[key] for key in ("user", "role", "trial", "site")}
            obj.pk = grant(**asked, by=_user(request), now=now()).pk
        elif form.cleaned_data["ends"]:
            end_membership(membership=obj, by=_user(request), now=now())
