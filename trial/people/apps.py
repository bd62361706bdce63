from django.apps import AppConfig
from django.conf import settings


class PeopleConfig(AppConfig):
    name = "trial.people"
    label = "people"
    verbose_name = "People"

    def ready(self) -> None:
        """A key that cannot be used stops the start, not the first registration."""
        from trial.people.identity import keys

        if settings.IDENTITY_KEYS and settings.IDENTITY_INDEX_KEY:
            keys.key_ring()
