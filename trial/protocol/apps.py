from django.apps import AppConfig


class ProtocolConfig(AppConfig):
    name = "trial.protocol"
    label = "protocol"
    verbose_name = "Protocol"
