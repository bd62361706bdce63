"""What makes the trail complete: a trigger on every watched table, and a role that cannot touch its rows.

`install` is run by the owner after every `migrate`. It may be run again at any time and is one transaction.
"""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, transaction
from psycopg import sql

from trial.audit.models import AuditBlock, AuditEvent, ReadEvent
from trial.audit.tables import APPEND_ONLY, Watched, watched

NO_ACTOR = "TB001"
APPEND_ONLY_REFUSAL = "TB002"
"""SQLSTATEs of our own: a change without an actor, a change of what may only grow."""

RECORDED = {
    "INSERT": "NEW TABLE AS new_rows",
    "UPDATE": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "DELETE": "OLD TABLE AS old_rows",
}
ON_WATCHED = (*(f"audit_{operation.lower()}" for operation in RECORDED), "audit_no_truncate")
FUNCTIONS = Path(__file__).with_name("triggers.sql")
APPLICATION_MAY = {
    AuditEvent._meta.db_table: "SELECT",
    AuditBlock._meta.db_table: "SELECT, INSERT",
    ReadEvent._meta.db_table: "SELECT, INSERT",
    "django_migrations": "SELECT",
}
MAY_NOT = [
    (table, right)
    for table, rights in APPLICATION_MAY.items()
    for right in ("INSERT", "UPDATE", "DELETE", "TRUNCATE", "TRIGGER")
    if right not in rights
]


def install(using: str = "owner") -> None:
    """Create the trail's functions and triggers and grant the application its rights, as the owner."""
    application = str(settings.DATABASES["default"]["USER"])
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_has_role(%s, current_user, 'MEMBER')", [application])
        if cursor.fetchone()[0]:  # the same role, a member of it, or a superuser
            raise ImproperlyConfigured(
                "The role of DATABASE_URL can act as that of OWNER_DATABASE_URL: give the application a role "
                "of its own without its rights, or it could alter the audit trail."
            )
        existing = set(connections[using].introspection.table_names(cursor))
        if AuditEvent._meta.db_table not in existing:
            return  # only part of the schema was migrated
        cursor.execute(FUNCTIONS.read_text())
        for table in watched():
            if table.table in existing:
                _watch(cursor, table)
        for model in APPEND_ONLY:
            _only_grow(cursor, model._meta.db_table)
        _grant(cursor, application)


def _watch(cursor: Any, watched: Watched) -> None:
    table = sql.Identifier(watched.table)
    arguments = [watched.primary_key, ",".join(watched.masked), ",".join(watched.sealed)]
    for operation, transition_tables in RECORDED.items():
        _run(
            cursor,
            "CREATE OR REPLACE TRIGGER {function} AFTER {operation} ON {table}"
            " REFERENCING {transition_tables} FOR EACH STATEMENT"
            " EXECUTE FUNCTION public.{function}({arguments})",
            function=sql.Identifier(f"audit_{operation.lower()}"),
            operation=sql.SQL(operation),
            table=table,
            transition_tables=sql.SQL(transition_tables),
            arguments=sql.SQL(", ").join(map(sql.Literal, arguments)),
        )
    _run(
        cursor,
        "CREATE OR REPLACE TRIGGER audit_no_truncate BEFORE TRUNCATE ON {}"
        " FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse()",
        table,
    )


def _only_grow(cursor: Any, table: str) -> None:
    _run(
        cursor,
        "CREATE OR REPLACE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {}"
        " FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse()",
        sql.Identifier(table),
    )


def _grant(cursor: Any, application: str) -> None:
    """Everything is taken away and given anew, so that a right once given by hand does not stay."""
    role = sql.Identifier(application)
    _run(cursor, "GRANT USAGE ON SCHEMA public TO {}", role)
    _run(cursor, "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}", role)
    _run(cursor, "REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {}", role)
    _run(cursor, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {}", role)
    _run(cursor, "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {}", role)
    for name, rights in APPLICATION_MAY.items():
        table = sql.Identifier(name)
        _run(cursor, "REVOKE ALL ON {} FROM {}", table, role)
        _run(cursor, "GRANT {} ON {} TO {}", sql.SQL(rights), table, role)
    events = sql.Identifier(f"{AuditEvent._meta.db_table}_id_seq")
    _run(cursor, "REVOKE ALL ON SEQUENCE {} FROM {}", events, role)
    _run(cursor, "GRANT SELECT ON SEQUENCE {} TO {}", events, role)


def _run(cursor: Any, statement: str, *parts: sql.Composable, **named: sql.Composable) -> None:
    cursor.execute(sql.SQL(statement).format(*parts, **named))


def gaps(using: str = "default") -> list[str]:
    """How changes could pass the trail by, as sentences: a trigger missing or off, a right too many."""
    wanted = {(table.table, trigger) for table in watched() for trigger in ON_WATCHED}
    wanted |= {(model._meta.db_table, "audit_append_only") for model in APPEND_ONLY}
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, tgname FROM pg_trigger"
            " WHERE tgname LIKE 'audit\\_%%' AND tgenabled IN ('O', 'A') AND NOT tgisinternal"
        )
        present = set(cursor.fetchall())
        application = str(settings.DATABASES["default"]["USER"])
        cursor.execute(
            "SELECT name, may FROM unnest(%s::text[], %s::text[]) AS too_much (name, may)"
            " WHERE has_table_privilege(%s, 'public.' || name, may)",
            [*map(list, zip(*MAY_NOT, strict=True)), application],
        )
        rights = cursor.fetchall()
    return [
        *(f"{table}: the trigger {name} is missing or disabled" for table, name in sorted(wanted - present)),
        *(f"{table}: the application may {right}" for table, right in rights),
    ]
