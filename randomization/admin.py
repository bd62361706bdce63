"""What the office sees of randomization in lists: deviations. No arm, and no free text."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from randomization.models import Deviation
from trial.accounts.permissions import Permission
from trial.people.admin_base import OfficeModelAdmin


@admin.register(Deviation)
class DeviationAdmin(OfficeModelAdmin):
    """For monitors: what went wrong where. The description stands on the participant's page."""

    view_permission = Permission.VIEW_PARTICIPANT
    site_path = "participant__site"
    list_display = ("whose", "kind", "at", "by")
    list_filter = ("kind", "participant__trial")
    list_select_related = ("participant", "by")
    search_fields = ("participant__study_id",)
    fields = ("whose", "kind", "at", "by")

    @admin.display(description=_("participant"), ordering="participant__study_id")
    def whose(self, deviation: Deviation) -> str:
        return deviation.participant.study_id
