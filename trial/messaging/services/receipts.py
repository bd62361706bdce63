"""What the provider tells about a message: that it took it, and what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from trial.messaging.models import State

ACCEPT = """
UPDATE messaging_message AS message
   SET state = 'sent', provider_id = accepted.provider_id, sent_at = %s,
       recipient = NULL, other_phone = NULL, skip_reason = '', error_code = ''
  FROM unnest(%b::uuid[], %b::text[]) AS accepted (id, provider_id)
 WHERE message.id = accepted.id AND message.state <> 'sent'
   AND NOT EXISTS (SELECT FROM messaging_message AS other WHERE other.provider_id = accepted.provider_id)
"""
"""The last line: two people who share a phone get the same text, and one send must not count for both."""

KEEP = """
WITH report AS (
    SELECT report.*, message.state
      FROM unnest(%b::uuid[], %b::text[], %b::text[]) AS report (message_id, status, error_code)
      JOIN messaging_message AS message ON message.id = report.message_id
), kept AS (
    INSERT INTO messaging_receipt (message_id, status, error_code, at)
    SELECT message_id, status, error_code, %s FROM report
        ON CONFLICT (message_id, status) DO NOTHING
)
SELECT message_id, state FROM report
"""


def record_accepted(*, provider_ids: Mapping[UUID, str], now: datetime) -> int:
    """The provider took these messages, whatever we thought before. Returns how many we did not know of."""
    with connection.cursor() as cursor:
        cursor.execute(ACCEPT, [now, list(provider_ids), list(provider_ids.values())])
        return int(cursor.rowcount)


@dataclass(frozen=True)
class Report:
    """What the provider says about one message. Short codes, never a number or a text."""

    message_id: UUID
    provider_id: str
    status: str
    error_code: str


@transaction.atomic
def record_receipts(reports: Sequence[Report], *, now: datetime) -> int:
    """Keep status reports, which also tell of sends whose answers were lost. Returns how many are of ours."""
    if not reports:
        return 0
    columns = zip(*((one.message_id, one.status, one.error_code) for one in reports), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(KEEP, [*map(list, columns), now])
        states = dict(cursor.fetchall())
    ours = [one for one in reports if one.message_id in states]
    unknown = {one.message_id: one.provider_id for one in ours if states[one.message_id] != State.SENT}
    if unknown:
        record_accepted(provider_ids=unknown, now=now)
    return len(ours)


def record_receipt(
    *, message_id: UUID, provider_id: str, status: str, error_code: str, now: datetime
) -> bool:
    """Keep one status report. False: not of ours."""
    return record_receipts([Report(message_id, provider_id, status, error_code)], now=now) == 1
