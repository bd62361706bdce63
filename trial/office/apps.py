from django.apps import AppConfig
from django.contrib.admin import apps


class OfficeAdminConfig(apps.AdminConfig):
    """Makes our own AdminSite the one that every `admin.py` registers with."""

    default = False
    default_site = "trial.office.site.OfficeSite"


class OfficeConfig(AppConfig):
    name = "trial.office"
    label = "office"
    verbose_name = "Office"
