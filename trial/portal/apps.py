from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "trial.portal"
    label = "portal"
    verbose_name = "Portal"
