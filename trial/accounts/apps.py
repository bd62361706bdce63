from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "trial.accounts"
    label = "accounts"
    verbose_name = "Accounts"
