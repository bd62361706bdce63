"""What the office sees of randomization in lists: deviations. No arm, and no free text."""

from django.contrib import admin

from randomization.models import Deviation
from trial.accounts.permissions import Permission
from trial.people.admin_base import OfficeModelAdmin


@admin.register(Deviation)
class DeviationAdmin(OfficeModelAdmin):
    """For monitors: what went wrong where. The description stands on the participant's page."""

    view_permission = Permission.VIEW_PARTICIPANT
    site_path = "participant__site"
    list_display = ("participant", "kind", "at", "by")
    list_filter = ("kind", "participant__trial")
    list_select_related = ("participant", "by")
    search_fields = ("participant__study_id",)
    fields = ("participant", "kind", "at", "by")
