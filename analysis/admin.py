"""Snapshots and their downloads in the office: to read only."""

from django.contrib import admin

from analysis.models import Download, Snapshot
from trial.accounts.permissions import Permission
from trial.people.admin_base import OfficeModelAdmin


@admin.register(Snapshot)
class SnapshotAdmin(OfficeModelAdmin):
    view_permission = Permission.VIEW_AUDIT
    trial_path = "trial"
    list_display = ("file_name", "trial", "made_at", "by", "masked", "protocol_version", "code_version")
    list_filter = ("trial", "masked")
    date_hierarchy = "made_at"


@admin.register(Download)
class DownloadAdmin(OfficeModelAdmin):
    view_permission = Permission.VIEW_AUDIT
    trial_path = "snapshot__trial"
    list_display = ("snapshot", "by", "at")
    list_filter = ("snapshot__trial",)
    list_select_related = ("snapshot", "by")
    date_hierarchy = "at"
