"""Re-seals everything under the newest key, so that an old one can be destroyed."""

from collections.abc import Iterator

from django.apps import apps
from django.db import models, transaction

from trial.people.identity import vault

BATCH = 500


def sealed_models() -> Iterator[type[models.Model]]:
    """The models of all apps that name sealed columns."""
    return (model for model in apps.get_models() if getattr(model, "sealed", ()))


def rotate(model: type[models.Model]) -> int:
    """Re-seal the model's rows that an older key sealed, a batch per transaction; how many rows that was.

    May be killed and started again: what is done stays done.
    """
    resealed, after = 0, None
    while batch := _after(model, after):
        resealed += _reseal(batch, model)
        after = batch[-1]
    return resealed


def _after(model: type[models.Model], pk: object) -> list[object]:
    rows = model._default_manager.order_by("pk").values_list("pk", flat=True)
    return list((rows if pk is None else rows.filter(pk__gt=pk))[:BATCH])


@transaction.atomic
def _reseal(pks: list[object], model: type[models.Model]) -> int:
    newest, changed = vault.newest_key_id(), 0
    fields: tuple[str, ...] = model.sealed  # type: ignore[attr-defined]
    for row in model._default_manager.select_for_update().filter(pk__in=pks):
        old = [field for field in fields if (blob := getattr(row, field)) and vault.key_id_of(blob) != newest]
        for field in old:
            vault.seal_into(row, field, vault.open_of(row, field))
        if old:
            row.save(update_fields=old)
            changed += 1
    return changed
