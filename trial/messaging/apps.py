from django.apps import AppConfig


class MessagingConfig(AppConfig):
    name = "trial.messaging"
    label = "messaging"
    verbose_name = "Messaging"
