from django.contrib.admin import AdminSite


class OfficeSite(AdminSite):
    """The coordinators' office."""

    site_header = "Tilbake"
