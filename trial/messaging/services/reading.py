"""Staff read a text: an act with a reason, kept in the read log."""

from datetime import datetime

from trial.audit.services import record_read
from trial.messaging import texts
from trial.messaging.models import Inbound


def read_inbound(*, inbound: Inbound, study_id: str, reason: str, now: datetime) -> str:
    """The text that somebody sent; `study_id` is empty where it is not known who."""
    record_read(
        what="incoming message", participant_study_id=study_id, fields=("body",), reason=reason, now=now
    )
    return texts.message_body(inbound)
