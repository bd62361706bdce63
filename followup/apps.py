from django.apps import AppConfig


class FollowUpConfig(AppConfig):
    name = "followup"
    label = "followup"
    verbose_name = "Follow-up"
