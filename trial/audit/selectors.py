"""Reads of the trail."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from functools import cache, reduce
from operator import or_

from django.apps import apps
from django.db.models import ForeignKey, Model, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast

from trial.audit.models import AuditBlock, AuditEvent, ReadEvent

TELLS_ARM = ("randomization_", "expertteam_", "messaging_message", "messaging_receipt", "audit_read")
"""Beginnings of the names of tables whose rows tell, or let guess, which arm somebody is in."""
CASES = "expertteam_"
LEFT_INTERVENTION = Q(table_name="people_participantstatus", new__name="withdrawn_intervention")
"""Whoever leaves the intervention was given it."""
READING_TELLS_ARM = ("case", "advice")


def head() -> str | None:
    """`number:hash` of the newest block: kept elsewhere, it proves the chain up to it untouched."""
    block = AuditBlock.objects.only("number", "hash").order_by("-number").first()
    return str(block) if block else None


def oldest_unsealed() -> datetime | None:
    """When the oldest event outside the chain was written; long ago means that sealing has stopped."""
    block = AuditBlock.objects.only("number", "up_to").order_by("-number").first()
    events = AuditEvent.objects.filter(id__gt=block.up_to if block else 0)
    return events.order_by("id").values_list("at", flat=True).first()


def history_of(row: Model) -> QuerySet[AuditEvent]:
    """Everything that ever happened to one row, newest first."""
    return AuditEvent.objects.filter(table_name=row._meta.db_table, row_id=str(row.pk))


def history_of_participant(participant_id: int) -> QuerySet[AuditEvent]:
    """Everything that happened to a participant and to every row that belongs to them, newest first."""
    rows = [
        rows_of(model, "people.Participant", [participant_id]) for model in belonging("people.Participant")
    ]
    found = defaultdict(list)
    for row in rows[0].union(*rows[1:], all=True):
        found[row["table"]].append(row["row"])
    conditions = (Q(table_name=table, row_id__in=row_ids) for table, row_ids in found.items())
    return AuditEvent.objects.filter(reduce(or_, conditions))


def tells_arm(table: str) -> bool:
    return table.startswith(TELLS_ARM)


def without_arms(events: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
    """What somebody who must stay blinded may see of these."""
    told = reduce(or_, (Q(table_name__startswith=name) for name in TELLS_ARM))
    return events.exclude(told | LEFT_INTERVENTION)


def without_cases(events: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
    """Without what an expert team wrote and did, which is for the team and the trail's own readers."""
    return events.exclude(table_name__startswith=CASES)


def readings_without_arms(readings: QuerySet[ReadEvent]) -> QuerySet[ReadEvent]:
    """Readings of cases and advice happen in one arm only."""
    return readings.exclude(reduce(or_, (Q(what__istartswith=what) for what in READING_TELLS_ARM)))


def rows_of(model: type[Model], owner: str, owners: Iterable[object]) -> QuerySet[Model, dict[str, str]]:
    """{table, row: the id as the trail writes it} of the model's rows that belong to one of `owners`."""
    return (
        model._default_manager.order_by()
        .filter(**{f"{belonging(owner)[model]}__in": owners})
        .values(table=Value(model._meta.db_table, TextField()), row=Cast("pk", TextField()))
    )


@cache
def belonging(owner: str) -> dict[type[Model], str]:
    """Every model that reaches `owner` ("people.Participant") by foreign keys, with the shortest way."""
    start = apps.get_model(owner)
    ways: dict[type[Model], str] = {start: "pk"}
    ahead = [start]
    while ahead:
        target = ahead.pop(0)
        for model in apps.get_models():
            for field in model._meta.concrete_fields:
                if isinstance(field, ForeignKey) and field.related_model is target and model not in ways:
                    ways[model] = field.name if target is start else f"{field.name}__{ways[target]}"
                    ahead.append(model)
    return ways
