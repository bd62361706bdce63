"""Is the audit trail whole, and do the tables of randomization say what it says?"""

from itertools import pairwise
from typing import Any, NamedTuple

from django.apps import apps
from django.db import connection
from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _

from randomization.errors import TrailDisagrees
from randomization.models import DesignReport, Notice, Stratum
from trial.audit.chain import verify as verify_chain
from trial.audit.models import AuditEvent
from trial.audit.selectors import belonging
from trial.audit.tables import watched
from trial.core.db import rows
from trial.protocol.models import Trial

OWNER = "protocol.Trial"
HAVE_A_LIFE = (Stratum, Notice, DesignReport)
"""A row of every other table is added once, and stays as it is."""

FIRST_TOLD_OTHERWISE = """
WITH mine AS MATERIALIZED (
    SELECT kept.id::text AS row_id, to_jsonb(kept) AS entry,
        'user:' || coalesce(to_jsonb(kept) ->> 'by_id', to_jsonb(kept) ->> 'sealed_by_id') AS actor
    FROM {table} AS kept WHERE kept.id IN ({mine})
), told AS (
    SELECT mine.row_id, event.action,
        mine.actor IS NULL OR event.actor = mine.actor OR event.actor LIKE 'system:%%' AS by_the_same,
        event.new = (
            SELECT jsonb_object_agg(part.key, CASE WHEN mine.entry ? part.key
                THEN public.audit_shown(part.key, mine.entry -> part.key, %(masked)s, %(sealed)s)
                ELSE part.value END)
            FROM jsonb_each(event.new) AS part
        ) AS the_same
    FROM mine LEFT JOIN audit_event AS event ON event.table_name = %(table)s AND event.row_id = mine.row_id
)
SELECT row_id, added, touched, the_same, by_the_same FROM (
    SELECT row_id,
        count(*) FILTER (WHERE action = 'I') AS added,
        count(*) FILTER (WHERE action <> 'I') AS touched,
        coalesce(bool_and(the_same) FILTER (WHERE action = 'I'), false) AS the_same,
        coalesce(bool_and(by_the_same) FILTER (WHERE action = 'I'), false) AS by_the_same
    FROM told GROUP BY row_id
) AS each_row
WHERE NOT (added = 1 AND touched = 0 AND the_same AND by_the_same)
ORDER BY length(row_id), row_id LIMIT 1
"""
"""A column that a migration has added since, or renamed, is not compared: the trail keeps the old name."""

FIRST_THAT_IS_GONE = """
SELECT event.row_id FROM audit_event AS event
WHERE event.table_name = %(table)s AND event.action IN ('I', 'D')
    AND coalesce(event.new, event.old) ->> %(column)s IN (SELECT owner.pk::text FROM ({owners}) AS owner)
    AND NOT EXISTS (SELECT FROM {table} AS kept WHERE kept.id = event.row_id::{type})
ORDER BY event.id LIMIT 1
"""


class Told(NamedTuple):
    """What the trail says of a row with which something is wrong."""

    row: str
    added: int
    touched: int
    the_same: bool
    by_the_same: bool


def check_chain() -> None:
    """Raises TrailDisagrees where an event of the whole trail was altered, removed or smuggled in."""
    if problem := verify_chain().problem:
        raise TrailDisagrees(problem)


def check_tables(trial: Trial) -> None:
    """Raises TrailDisagrees for the first row of the trial that is not as the trail saw it being made.

    Each has one insertion in the trail, by the same person and with the same content, and nothing after it;
    none is gone. Strata count up, one place at a time.
    """
    ways = belonging(OWNER)
    for model in apps.get_app_config("randomization").get_models():
        if model not in HAVE_A_LIFE:
            _check_rows(model, ways[model], trial)
    _check_gone(Stratum, ways[Stratum], trial)
    for stratum in Stratum.objects.filter(sealed_list__trial=trial).order_by("pk"):
        _check_steps(stratum)


def _check_rows(model: type[Model], way: str, trial: Trial) -> None:
    table = model._meta.db_table
    columns = next(one for one in watched() if one.table == table)
    mine, values = _ids(model, way, trial)
    statement = FIRST_TOLD_OTHERWISE.replace("{table}", table).replace("{mine}", mine)
    lists = {"table": table, "masked": list(columns.masked), "sealed": list(columns.sealed)}
    for told in rows(Told, statement, values | lists):
        raise TrailDisagrees(_what(told) % {"what": model._meta.verbose_name, "row": told.row})
    _check_gone(model, way, trial)


def _what(told: Told) -> str:
    if told.added == 0:
        return _("the trail does not know of %(what)s %(row)s")
    if told.added > 1:
        return _("%(what)s %(row)s was added twice")
    if told.touched:
        return _("%(what)s %(row)s was changed after it was made")
    if not told.the_same:
        return _("%(what)s %(row)s is not as it was made")
    return _("%(what)s %(row)s was made by somebody else")


def _check_gone(model: type[Model], way: str, trial: Trial) -> None:
    first, _dots, rest = way.partition("__")
    owner = model._meta.get_field(first)
    owners, values = _ids(owner.related_model, rest or "pk", trial)  # type: ignore[arg-type]
    key = {"{type}": str(model._meta.pk.db_type(connection)), "{table}": model._meta.db_table}
    statement = FIRST_THAT_IS_GONE.replace("{owners}", owners)
    for name, value in key.items():
        statement = statement.replace(name, value)
    names = {"table": model._meta.db_table, "column": owner.column}  # type: ignore[union-attr]
    for row in rows(str, statement, values | names):
        raise TrailDisagrees(_("%(what)s %(row)s is gone") % {"what": model._meta.verbose_name, "row": row})


def _ids(model: type[Model], way: str, trial: Trial) -> tuple[str, dict[str, Any]]:
    """A statement for the ids of the model's rows of the trial, with its one value by name."""
    found: QuerySet[Model, Any] = model._default_manager.filter(**{way: trial.pk}).order_by().values("pk")
    statement, values = found.query.sql_with_params()
    return statement.replace("%s", "%(trial)s"), dict.fromkeys(["trial"], values[0])


def _check_steps(stratum: Stratum) -> None:
    """From its insertion to now, by the trail: `used` one by one, `places` never down."""
    events = AuditEvent.objects.filter(table_name=Stratum._meta.db_table, row_id=str(stratum.pk))
    steps = list(events.order_by("id").values_list("action", "new"))
    counts: list[dict[str, int]] = []
    for _action, new in steps:
        counts.append((counts[-1] if counts else {}) | (new or {}))
    counted_up = (
        [action for action, _new in steps] == ["I"] + ["U"] * (len(steps) - 1)
        and all((new or {}).keys() <= {"used", "places"} for _action, new in steps[1:])
        and all(_is_step(one, next_one) for one, next_one in pairwise(counts))
        and (counts[-1]["used"], counts[-1]["places"]) == (stratum.used, stratum.places)
    )
    if not counted_up:
        raise TrailDisagrees(_("the counter of %(stratum)s did not count up") % {"stratum": stratum.key})


def _is_step(one: dict[str, int], next_one: dict[str, int]) -> bool:
    return next_one["used"] - one["used"] in (0, 1) and next_one["places"] >= one["places"]
