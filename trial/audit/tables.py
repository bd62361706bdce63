"""Which tables the trail watches, and what it must not show of them."""

from dataclasses import dataclass

from django.apps import apps
from django.db.models import Model as AnyModel

from trial.audit.models import AuditBlock, AuditEvent, ReadEvent
from trial.core.models import Model

MASK = "[masked]"
SEALED_PREFIX = "sha256:"
"""What `triggers.sql` writes for a masked column, and before the digest of sealed bytes."""

APPEND_ONLY = (AuditEvent, AuditBlock, ReadEvent)
"""Tables that even their owner cannot update, delete from or truncate while the triggers stand."""

THIRD_PARTY: dict[str, tuple[str, ...]] = {
    "account.EmailAddress": (),
    "mfa.Authenticator": ("data",),
}
"""Models of libraries that decide who may log in, with the columns to mask."""


@dataclass(frozen=True)
class Watched:
    table: str
    primary_key: str
    masked: tuple[str, ...]
    sealed: tuple[str, ...]
    """Columns of bytes, not masked: the trail keeps their digest."""


def watched() -> list[Watched]:
    """Every table of ours, many-to-many tables included, and the third-party ones that matter."""
    ours = [model for model in apps.get_models(include_auto_created=True) if _is_ours(model)]
    theirs = [(apps.get_model(label), masked) for label, masked in THIRD_PARTY.items()]
    return [_watched(model, getattr(model, "audit_redact", ())) for model in ours] + [
        _watched(model, masked) for model, masked in theirs
    ]


def _is_ours(model: type[AnyModel]) -> bool:
    owner = model._meta.auto_created or model  # the model that declares a many-to-many table
    if model in (AuditEvent, AuditBlock) or not (isinstance(owner, type) and issubclass(owner, Model)):
        return False
    return owner.audited and model._meta.managed and not model._meta.proxy


def _watched(model: type[AnyModel], masked: tuple[str, ...]) -> Watched:
    fields = model._meta.concrete_fields
    shown = [field for field in fields if field.name not in masked]
    return Watched(
        table=model._meta.db_table,
        primary_key=str(model._meta.pk.column),
        masked=tuple(str(field.column) for field in fields if field.name in masked),
        sealed=tuple(str(field.column) for field in shown if field.get_internal_type() == "BinaryField"),
    )
