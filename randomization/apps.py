from django.apps import AppConfig


class RandomizationConfig(AppConfig):
    name = "randomization"
    label = "randomization"
    verbose_name = "Randomization"
