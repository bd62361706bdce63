"""The acts of messaging. Each is idempotent: done twice, it has one effect."""

from trial.messaging.services.dispatch import Counts, dispatch_due
from trial.messaging.services.heartbeat import beat
from trial.messaging.services.inbox import Incoming, record_inbound, record_inbound_many, take_inbound
from trial.messaging.services.outbox import Draft, drop_planned, drop_queued, enqueue, enqueue_many
from trial.messaging.services.reading import read_inbound
from trial.messaging.services.receipts import Report, record_receipt, record_receipts
from trial.messaging.services.recovery import recover_in_flight
from trial.messaging.services.wake import wake_dispatch, wake_sweep

__all__ = [
    "Counts",
    "Draft",
    "Incoming",
    "Report",
    "beat",
    "dispatch_due",
    "drop_planned",
    "drop_queued",
    "enqueue",
    "enqueue_many",
    "read_inbound",
    "record_inbound",
    "record_inbound_many",
    "record_receipt",
    "record_receipts",
    "recover_in_flight",
    "take_inbound",
    "wake_dispatch",
    "wake_sweep",
]
