"""The trail in words that a coordinator or a monitor reads."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from django.apps import apps
from django.db.models import Field, Model
from django.utils.dateparse import parse_datetime
from django.utils.formats import localize
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from trial.accounts.models import User
from trial.audit.models import AuditEvent
from trial.audit.tables import MASK, SEALED_PREFIX


@dataclass(frozen=True)
class Change:
    """One field; `old` is empty for what was added and `new` for what was deleted."""

    field: str
    old: str
    new: str


@dataclass(frozen=True)
class Entry:
    at: datetime
    who: str
    reason: str
    thing: str
    action: str
    changes: list[Change]


def entries(events: Iterable[AuditEvent]) -> list[Entry]:
    """The events in words; masked and sealed values are never shown. One query for the names of all users."""
    found = list(events)
    names = names_of(event.actor for event in found)
    return [
        Entry(
            at=event.at,
            who=names[event.actor],
            reason=event.reason,
            thing=thing(event.table_name),
            action=event.get_action_display(),
            changes=list(_changes(event)),
        )
        for event in found
    ]


def names_of(actors: Iterable[str]) -> dict[str, str]:
    """How each actor is called on a page."""
    wanted = set(actors)
    keys = [int(actor.removeprefix("user:")) for actor in wanted if actor.startswith("user:")]
    users = {f"user:{user.pk}": str(user) for user in User.objects.filter(pk__in=keys)}
    return {actor: users.get(actor) or nameless(actor) for actor in wanted}


def nameless(actor: str) -> str:
    """What an actor is called who is no user that we know."""
    kind, _colon, name = actor.partition(":")
    if kind == "participant":
        return _("participant %(study_id)s") % {"study_id": name}
    if kind == "public":
        return _("somebody who was not logged in")
    if kind == "system":
        return _("the system (%(name)s)") % {"name": name}
    return actor


@cache
def _models() -> dict[str, type[Model]]:
    return {model._meta.db_table: model for model in apps.get_models(include_auto_created=True)}


def thing(table: str) -> str:
    """What a row of the table is called on a page."""
    model = _models().get(table)
    return str(model._meta.verbose_name) if model else table


def _changes(event: AuditEvent) -> Iterator[Change]:
    old, new = event.old or {}, event.new or {}
    model = _models().get(event.table_name)
    fields = {field.column: field for field in model._meta.concrete_fields} if model else {}
    for column in new or old:
        if fields and column in fields and fields[column].primary_key:
            continue
        field = fields.get(column)
        name = str(field.verbose_name) if field else column
        yield Change(name, _in_words(field, old.get(column)), _in_words(field, new.get(column)))


def _in_words(field: Field | None, value: object) -> str:
    if value is None or value == "":
        return ""
    if value == MASK or str(value).startswith(SEALED_PREFIX):
        return _("(not shown)")
    if field is not None and field.choices:
        return str(dict(field.flatchoices).get(value, value))
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if field is not None and field.get_internal_type() == "DateTimeField":
        moment = parse_datetime(str(value))
        return str(localize(localtime(moment))) if moment else str(value)
    return str(value)
