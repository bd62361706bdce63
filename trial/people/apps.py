from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "trial.people"
    label = "people"
    verbose_name = "People"
