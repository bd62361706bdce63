from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "trial.audit"
    label = "audit"
    verbose_name = "Audit"
