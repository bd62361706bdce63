"""Sweeps tell that they live."""

from datetime import datetime, timedelta

from django.db import transaction

from trial.messaging.models import Heartbeat


@transaction.atomic
def beat(*, name: str, now: datetime, late_after: timedelta) -> None:
    """The sweep `name` ran to its end; if it does not so again within `late_after`, it has stopped."""
    Heartbeat.objects.update_or_create(name=name, defaults={"at": now, "late_after": late_after})
