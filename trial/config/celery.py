"""The Celery application: the alarm clock of the sweeps."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "trial.config.settings")

app = Celery("tilbake")
app.set_default()  # the threads that serve requests would otherwise speak to a broker of Celery's own
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
