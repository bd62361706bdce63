from django.apps import AppConfig


class ExpertTeamConfig(AppConfig):
    name = "expertteam"
    label = "expertteam"
    verbose_name = "Expert team"
