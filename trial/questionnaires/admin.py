"""Responses in the office: when each was begun and sent in. Answers stand on the participant's page."""

from django.contrib import admin

from trial.accounts.permissions import Permission
from trial.people.admin_base import OfficeModelAdmin
from trial.questionnaires.models import ResponseSet


@admin.register(ResponseSet)
class ResponseSetAdmin(OfficeModelAdmin):
    view_permission = Permission.VIEW_PARTICIPANT
    site_path = "participant__site"
    list_display = ("participant", "instrument", "occasion", "started_at", "submitted_at")
    list_filter = ("participant__trial", "occasion", "instrument")
    list_select_related = ("participant",)
    search_fields = ("participant__study_id",)
    fields = (
        "participant",
        "protocol_version",
        "instrument",
        "occasion",
        "language",
        "started_at",
        "submitted_at",
    )
