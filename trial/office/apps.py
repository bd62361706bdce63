from django.contrib.admin.apps import AdminConfig


class OfficeConfig(AdminConfig):
    """Makes our own AdminSite the one that every `admin.py` registers with."""

    default_site = "trial.office.site.OfficeSite"
