from django.conf import settings

from trial.config.celery import app


def test_every_task_is_woken_by_beat_and_every_waking_has_its_task():
    app.loader.import_default_modules()
    ours = {name for name in app.tasks if not name.startswith("celery.")}
    assert ours == set(settings.SWEEPS)


def test_a_task_carries_no_arguments():
    """What is due stands in the database; a task's arguments would stand in the broker."""
    assert not any("args" in entry or "kwargs" in entry for entry in settings.CELERY_BEAT_SCHEDULE.values())
