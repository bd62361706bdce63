from django.apps import AppConfig


class RehearsalConfig(AppConfig):
    name = "trial.rehearsal"
    label = "rehearsal"
    verbose_name = "Rehearsal"
