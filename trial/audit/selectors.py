"""Reads of the trail."""

from datetime import datetime

from django.db.models import QuerySet

from trial.audit.models import AuditBlock, AuditEvent


def head() -> str | None:
    """`number:hash` of the newest block: kept elsewhere, it proves the chain up to it untouched."""
    block = AuditBlock.objects.only("number", "hash").order_by("-number").first()
    return str(block) if block else None


def oldest_unsealed() -> datetime | None:
    """When the oldest event outside the chain was written; long ago means that sealing has stopped."""
    block = AuditBlock.objects.only("number", "up_to").order_by("-number").first()
    events = AuditEvent.objects.filter(id__gt=block.up_to if block else 0)
    return events.order_by("id").values_list("at", flat=True).first()


def history_of(table: str, row_id: object) -> QuerySet[AuditEvent]:
    """Everything that ever happened to one row, oldest first."""
    return AuditEvent.objects.filter(table_name=table, row_id=str(row_id)).order_by("id")
