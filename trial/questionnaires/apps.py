from django.apps import AppConfig


class QuestionnairesConfig(AppConfig):
    name = "trial.questionnaires"
    label = "questionnaires"
    verbose_name = "Questionnaires"
