"""What the trail is told; changes it hears by itself, from the database's triggers."""

from collections.abc import Iterable
from datetime import datetime

from trial.audit.context import current
from trial.audit.models import ReadEvent
from trial.core.errors import DomainError


class NobodyActs(DomainError):
    """Something confidential was read outside `acting`: the programmer's mistake, never the reader's."""


def record_read(
    *, what: str, participant_study_id: str, fields: Iterable[str], reason: str, now: datetime
) -> ReadEvent:
    """Log that whoever acts reads `fields` of `what`; call it before showing them, in the same transaction."""
    act = current()
    if not act.actor:
        raise NobodyActs(f"Nobody is acting: reading {what} refused.")
    return ReadEvent.objects.create(
        at=now,
        actor=act.actor,
        what=what,
        study_id=participant_study_id,
        fields=sorted(fields),
        reason=reason,
        request=act.request,
    )
