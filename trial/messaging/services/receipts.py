"""What the provider tells about a message: that it took it, and what became of it."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from trial.messaging.models import Message, Receipt, State

ACCEPT = """
UPDATE messaging_message AS message
   SET state = 'sent', provider_id = accepted.provider_id, sent_at = %s,
       recipient = NULL, other_phone = NULL, skip_reason = '', error_code = ''
  FROM unnest(%s::uuid[], %s::text[]) AS accepted (id, provider_id)
 WHERE message.id = accepted.id AND message.state <> 'sent'
   AND NOT EXISTS (SELECT FROM messaging_message AS other WHERE other.provider_id = accepted.provider_id)
"""
"""The last line: two people who share a phone get the same text, and one send must not count for both."""


@transaction.atomic
def record_accepted(*, provider_ids: Mapping[UUID, str], now: datetime) -> int:
    """The provider took these messages, whatever we thought before. Returns how many we did not know of."""
    with connection.cursor() as cursor:
        cursor.execute(ACCEPT, [now, list(provider_ids), list(provider_ids.values())])
        return int(cursor.rowcount)


@transaction.atomic
def record_receipt(
    *, message_id: UUID, provider_id: str, status: str, error_code: str, now: datetime
) -> bool:
    """Keep a status report, which also tells of a send whose answer was lost. False: not of ours."""
    message = Message.objects.filter(pk=message_id).first()
    if message is None:
        return False
    if message.state != State.SENT:
        record_accepted(provider_ids={message_id: provider_id}, now=now)
    receipt = Receipt(message=message, status=status, error_code=error_code, at=now)
    Receipt.objects.bulk_create([receipt], ignore_conflicts=True)
    return True
