from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.db import DatabaseError, connection, transaction

from tests.factories import make_user
from trial.audit.context import acting, because, become, current
from trial.audit.models import AuditEvent

ASK = "SELECT current_setting('tilbake.actor', true), current_setting('tilbake.reason', true)"


def told():
    """What the database believes, asked past Django's own cursor so that asking tells it nothing."""
    return connection.connection.execute(ASK).fetchone()


def seen():
    with connection.cursor() as cursor:
        cursor.execute(ASK)
        return cursor.fetchone()


@pytest.mark.django_db
def test_actors_nest_and_the_outer_one_returns():
    with acting("user:1", reason="outer"):
        with acting("user:2"):
            assert seen() == ("user:2", "")
        with because("inner"):
            assert seen() == ("user:1", "inner")
        assert seen() == ("user:1", "outer")
    assert seen()[0] == "system:test"


@pytest.mark.django_db
def test_whoever_logs_in_acts_until_the_request_ends():
    with acting("public", request="r"):
        become("user:4")
        assert seen()[0] == "user:4"
        assert current().request == "r"
    assert current().actor == "system:test"


@pytest.mark.django_db
def test_a_savepoint_rolled_back_does_not_bring_an_old_actor_back():
    with acting("user:1"):
        assert seen()[0] == "user:1"
        with transaction.atomic():
            become("user:2")
            assert seen()[0] == "user:2"
            transaction.set_rollback(True)
        assert told()[0] == "user:2"  # PostgreSQL took the setting back and was told again


@pytest.mark.django_db(transaction=True)
def test_an_actor_who_was_told_inside_a_transaction_survives_its_rollback():
    with acting("user:1"):
        with transaction.atomic():
            assert seen()[0] == "user:1"
            transaction.set_rollback(True)
        make_user()
    assert AuditEvent.objects.latest("id").actor == "user:1"


@pytest.mark.django_db(transaction=True)
def test_an_aborted_transaction_is_left_cleanly():
    with acting("user:1"), pytest.raises(DatabaseError), transaction.atomic():
        connection.cursor().execute("SELECT 1/0")
    with acting("user:2"):
        make_user()
    assert AuditEvent.objects.latest("id").actor == "user:2"


@pytest.mark.django_db
def test_an_actor_who_changes_in_an_aborted_savepoint_is_right_after_it():
    with acting("user:1"):
        with pytest.raises(DatabaseError), transaction.atomic(), acting("user:2"):
            connection.cursor().execute("SELECT 1/0")
        assert seen()[0] == "user:1"


@pytest.mark.django_db(transaction=True)
def test_a_new_connection_is_told():
    with acting("user:1"):
        assert seen()[0] == "user:1"
        connection.close()
        assert seen()[0] == "user:1"


@pytest.mark.django_db(transaction=True)
def test_nobody_inherits_the_actor_of_a_kept_connection():
    with acting(""):
        with acting("user:1"):
            make_user()
        with pytest.raises(DatabaseError, match="Nobody is acting"):
            make_user()


@pytest.mark.django_db
def test_a_cursor_that_was_made_before_writes_for_whoever_acts_now():
    with acting("user:1"), connection.cursor() as cursor, acting("user:2"):
        cursor.execute(ASK)
        assert cursor.fetchone()[0] == "user:2"


@pytest.mark.django_db
def test_one_actor_costs_one_statement(django_assert_num_queries):
    with acting("user:1"):
        seen()
        told_before = connection._told
        seen()
        assert connection._told is told_before


@pytest.mark.django_db
@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 3, 29, 0, 59, 59, 999999, UTC),
        datetime(2026, 3, 29, 3, 0, tzinfo=timezone(timedelta(hours=2))),
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    ],
)
def test_a_moment_is_read_as_it_was_written_in_utc(moment):
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::timestamptz, ARRAY[%s::timestamptz]", [moment, moment])
        read, (listed,) = cursor.fetchone()
    assert read == listed == moment
    assert read.tzinfo is UTC
