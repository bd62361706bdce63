"""A protocol comes into force: its version counts, and the trial has its sites."""

from datetime import datetime

from django.db import transaction

from trial.people.models import Site
from trial.people.services.members import sync_sites
from trial.protocol.models import ProtocolVersion
from trial.protocol.selectors import protocol_of
from trial.protocol.services import activate


@transaction.atomic
def put_in_force(*, version: ProtocolVersion, by: str, now: datetime) -> list[Site]:
    """Activate the version and make the trial's sites those that it names. Raises AlreadyActive."""
    activate(version=version, by=by, now=now)
    return sync_sites(trial=version.trial, protocol=protocol_of(version), now=now)
