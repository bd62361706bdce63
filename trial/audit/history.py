"""The trail in words that a coordinator or a monitor reads."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import TypeAlias

from django.apps import apps
from django.conf import settings
from django.db.models import DateField, Field, ForeignKey, Model
from django.utils.formats import localize
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from trial.accounts.models import User
from trial.audit.models import AuditEvent
from trial.audit.tables import MASK, SEALED_PREFIX

NAMED: dict[str, tuple[str, ...]] = {
    "accounts.User": (),
    "followup.Occasion": ("participant",),
    "people.Participant": (),
    "people.Site": (),
    "protocol.ProtocolVersion": ("trial",),
    "protocol.Trial": (),
    "questionnaires.ResponseSet": ("participant",),
    "screening.Consent": ("participant",),
}
"""Rows that other rows' histories call by name, with what the name is made of. None of the names tells an arm
or who somebody is; a row of any other kind is its number."""

Rows: TypeAlias = dict[tuple[type[Model] | None, str], str]
"""(kind of row, key) to name; with None for the kind, an actor's."""

Teller: TypeAlias = Callable[[AuditEvent, str, object], str | None]
"""Says the value of a column of an event's row in words that only a room above knows; None for any other."""


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


def entries(events: Iterable[AuditEvent], tell: Teller = lambda *_: None) -> list[Entry]:
    """The events in words; masked and sealed values are never shown. One query for the names of all users."""
    found = list(events)
    names = names_of(event.actor for event in found)
    rows = _rows_by_name(found)
    return [
        Entry(
            at=event.at,
            who=names[event.actor],
            reason=event.reason,
            thing=thing(event.table_name),
            action=event.get_action_display(),
            changes=list(_changes(event, rows, tell)),
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


def _fields(event: AuditEvent) -> dict[str, Field]:
    model = _models().get(event.table_name)
    return {str(field.column): field for field in model._meta.concrete_fields} if model else {}


def _rows_by_name(events: Iterable[AuditEvent]) -> Rows:
    """What the rows that the events point to are called: one query for each kind of row."""
    wanted = defaultdict(set)
    actors = set()
    for event in events:
        fields = _fields(event)
        for column, value in [*(event.old or {}).items(), *(event.new or {}).items()]:
            field = fields.get(column)
            if value is None or field is None:
                continue
            if isinstance(field, ForeignKey) and field.related_model._meta.label in NAMED:
                wanted[field.related_model].add(value)
            elif _holds_actor(field):
                actors.add(str(value))
    found: Rows = {(None, actor): name for actor, name in names_of(actors).items()}
    for model, keys in wanted.items():
        rows = model._base_manager.select_related(*NAMED[model._meta.label]).filter(pk__in=keys)
        found |= {(model, str(row.pk)): str(row) for row in rows}
    return found


def _holds_actor(field: Field) -> bool:
    """Where the command line acts too, "by" is an actor as the trail writes it."""
    return field.name == "by" and not field.is_relation


def _changes(event: AuditEvent, rows: Rows, tell: Teller) -> Iterator[Change]:
    fields = _fields(event)
    for column in event.new or event.old or {}:
        field = fields.get(column)
        if field and field.primary_key:
            continue
        # a field without a name of its own has its English words, which are another's translated name
        name = _(str(field.verbose_name) if field else column.replace("_", " "))
        old, new = (
            _in_words(value, field, rows, partial(tell, event, column))
            for value in ((row or {}).get(column) for row in (event.old, event.new))
        )
        yield Change(name, old, new)


def _in_words(value: object, field: Field | None, rows: Rows, tell: Callable[[object], str | None]) -> str:
    if value is None or value == "":
        return ""
    if value == MASK or str(value).startswith(SEALED_PREFIX):
        return _("(not shown)")
    if (told := tell(value)) is not None:
        return told
    if field is None:
        return "\n".join(_lines(value))
    if field.choices or field.name == "language":
        known = dict(field.flatchoices or settings.LANGUAGES)
        return str(known.get(value, value))
    if isinstance(field, ForeignKey):
        return rows.get((field.related_model, str(value)), _("(not shown)"))
    if _holds_actor(field):
        return rows[None, str(value)]
    if isinstance(field, DateField):
        moment = field.to_python(value)
        return str(localize(localtime(moment) if isinstance(moment, datetime) else moment))
    return "\n".join(_lines(value))


def _lines(value: object) -> Iterator[str]:
    """A value in words; of what has keys, one line for each."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from (f"{key.replace('_', ' ')}: {line}" for line in _lines(inner))
    elif isinstance(value, list):
        yield ", ".join(line for inner in value for line in _lines(inner))
    elif isinstance(value, bool):
        yield _("yes") if value else _("no")
    elif value is None:
        yield "–"
    else:
        yield str(localize(value))
