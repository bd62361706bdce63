"""What the office sees of messages: when and whether, never a text or a number."""

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from trial.accounts.permissions import Permission
from trial.messaging.models import Heartbeat, Inbound, Kind, Message, Receipt
from trial.people.admin_base import OfficeModelAdmin
from trial.people.selectors import sites_for


class ReceiptInline(admin.TabularInline):
    model = Receipt
    fields = readonly_fields = ("status", "error_code", "at")
    can_delete = False
    extra = 0

    def has_add_permission(self, request: object, obj: object = None) -> bool:
        return False

    def has_view_permission(self, request: object, obj: object = None) -> bool:
        """Whoever sees the message."""
        return True


@admin.register(Message)
class MessageAdmin(OfficeModelAdmin):
    view_permission = Permission.VIEW_PARTICIPANT
    site_path = "participant__site"
    list_display = ("participant", "kind", "state", "due_at", "sent_at", "skip_reason", "error_code")
    list_filter = ("state", "kind", "skip_reason")
    list_select_related = ("participant",)
    search_fields = ("participant__study_id",)
    exclude = ("body", "recipient", "other_phone")
    inlines = (ReceiptInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        """That some are told of advice would tell their arm to whoever must not know it."""
        unblinded = sites_for(request.user, Permission.VIEW_ARM)
        messages: QuerySet[Message] = super().get_queryset(request)
        return messages.filter(~Q(kind=Kind.ADVICE) | Q(participant__site__in=unblinded))


@admin.register(Inbound)
class InboundAdmin(OfficeModelAdmin):
    view_permission = Permission.VIEW_PARTICIPANT
    trial_path = "trial"
    list_display = ("received_at", "trial", "handled_at")
    list_select_related = ("trial",)
    exclude = ("body", "from_index")


@admin.register(Heartbeat)
class HeartbeatAdmin(OfficeModelAdmin):
    view_permission = Permission.VIEW_SYSTEM
    list_display = ("name", "at", "late_after")
