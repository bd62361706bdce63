from hashlib import sha256

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection, connections, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat

from tests.factories import make_participant, make_trial, make_user
from trial.accounts.models import User, WrongPassword
from trial.audit import triggers
from trial.audit.context import NOBODY, _current, acting, because
from trial.audit.models import AuditEvent, ReadEvent
from trial.audit.services import NobodyActs, record_read
from trial.audit.tables import Watched, watched

pytestmark = pytest.mark.django_db


def events(table="accounts_user", **conditions):
    return list(AuditEvent.objects.filter(table_name=table, **conditions).order_by("id"))


@pytest.fixture
def nobody():
    token = _current.set(NOBODY)
    yield
    _current.reset(token)


def test_an_insertion_is_recorded_whole_with_actor_reason_and_request():
    with acting("user:7", reason="she joined", request="r-1"):
        user = User.objects.create_user("anna@example.org", "correct horse", name="Anna")
    (event,) = events()
    assert (event.actor, event.reason, event.request) == ("user:7", "she joined", "r-1")
    assert (event.action, event.row_id, event.old) == ("I", str(user.pk), None)
    assert event.new["email"] == "anna@example.org"
    assert event.new["password"] == "[masked]"
    assert "correct horse" not in str(event.new)


def test_an_update_shows_the_changed_columns_only(now):
    user = make_user()
    with because("married"):
        User.objects.filter(pk=user.pk).update(name="Anna Berg")
    event = events()[-1]
    assert (event.action, event.old, event.new) == ("U", {"name": user.name}, {"name": "Anna Berg"})
    assert event.reason == "married"


def test_a_new_password_leaves_a_trace_but_no_value():
    user = make_user(password="one")
    user.set_password("two")
    user.save()
    assert events()[-1].new == {"password": "[masked]"}


def test_an_update_that_changes_nothing_is_not_recorded():
    user = make_user()
    before = AuditEvent.objects.count()
    user.save()
    assert AuditEvent.objects.count() == before


def test_bulk_writes_are_recorded_row_by_row(now):
    user = make_user()
    WrongPassword.objects.bulk_create([WrongPassword(user=user, at=now) for _ in range(50)])
    User.objects.update(name=Concat(F("name"), Value("!")))
    WrongPassword.objects.all().delete()
    actions = [event.action for event in events("accounts_wrongpassword")]
    assert actions == ["I"] * 50 + ["D"] * 50
    assert events()[-1].new == {"name": f"{user.name}!"}


def test_raw_sql_and_copy_are_recorded(now):
    user = make_user()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_user SET name = 'Raw' WHERE id = %s", [user.pk])
        with cursor.copy("COPY accounts_wrongpassword (user_id, at) FROM STDIN") as copy:
            copy.write_row((user.pk, now))
    assert events()[-1].new == {"name": "Raw"}
    assert [event.action for event in events("accounts_wrongpassword")] == ["I"]


@pytest.mark.django_db(databases=["default", "owner"])
def test_a_cascade_and_a_changed_key_are_recorded():
    with connections["owner"].cursor() as cursor:
        cursor.execute("CREATE TABLE parent (id int PRIMARY KEY)")
        cursor.execute(
            "CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent ON DELETE CASCADE)"
        )
        triggers._watch(cursor, Watched("child", "id", (), ()))
        cursor.execute("INSERT INTO parent VALUES (1); INSERT INTO child VALUES (5, 1), (6, 1)")
        cursor.execute("UPDATE child SET id = 7 WHERE id = 5")
        cursor.execute("DELETE FROM parent")
        cursor.execute("SELECT action, row_id FROM audit_event WHERE table_name = 'child' ORDER BY id")
        inserted, changed, removed = (rows := cursor.fetchall())[:2], set(rows[2:4]), set(rows[4:])
    assert inserted == [("I", "5"), ("I", "6")]
    assert changed == {("D", "5"), ("I", "7")}
    assert removed == {("D", "6"), ("D", "7")}


def test_the_application_cannot_forge_an_event_with_a_table_of_its_own():
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE people_participant (id int)")
        with pytest.raises(DatabaseError, match="permission denied for function audit_insert"):
            cursor.execute(
                "CREATE TRIGGER forge AFTER INSERT ON people_participant REFERENCING NEW TABLE AS new_rows"
                " FOR EACH STATEMENT EXECUTE FUNCTION audit_insert('id', '', '')"
            )


def test_an_upsert_that_loses_is_not_recorded():
    user = make_user(email="anna@example.org")
    User.objects.bulk_create([User(email="anna@example.org", name="Other")], ignore_conflicts=True)
    assert [event.row_id for event in events()] == [str(user.pk)]


def test_a_write_that_is_rolled_back_leaves_no_event():
    with transaction.atomic():
        make_user()
        transaction.set_rollback(True)
    assert events() == []


def test_who_a_participant_is_never_enters_the_trail():
    make_participant(make_trial())
    identity = events("people_identityrecord")[0].new
    masked = {name for name, value in identity.items() if value == "[masked]"}
    assert {"name", "phone", "phone_index", "person_index"} <= masked
    assert not any("\\x" in str(value) for value in identity.values())


@pytest.mark.django_db(databases=["default", "owner"])
def test_masked_columns_show_that_they_changed_and_sealed_bytes_show_as_digests():
    with connections["owner"].cursor() as cursor:
        cursor.execute("CREATE TABLE vault (id int PRIMARY KEY, secret text, sealed bytea, note text)")
        triggers._watch(cursor, Watched("vault", "id", ("secret",), ("sealed",)))
        cursor.execute("INSERT INTO vault VALUES (1, 'a', 'blob', 'x'), (2, NULL, NULL, 'y')")
        cursor.execute("UPDATE vault SET secret = 'b', sealed = NULL WHERE id = 1")
        cursor.execute("UPDATE vault SET id = 3 WHERE id = 2")
        cursor.execute("DELETE FROM vault WHERE id = 1")
    rows = AuditEvent.objects.using("owner").filter(table_name="vault").order_by("id")
    first, second, changed, *moved, removed = rows.values_list("action", "old", "new")
    digest = f"sha256:{sha256(b'blob').hexdigest()}"
    assert first == ("I", None, {"id": 1, "secret": "[masked]", "sealed": digest, "note": "x"})
    empty = {"id": 2, "secret": "[masked]", "sealed": None, "note": "y"}
    assert second == ("I", None, empty)
    assert changed == ("U", {"secret": "[masked]", "sealed": digest}, {"secret": "[masked]", "sealed": None})
    assert sorted(moved, key=str) == [("D", empty, None), ("I", None, {**empty, "id": 3})]
    assert removed == ("D", {"id": 1, "secret": "[masked]", "sealed": None, "note": "x"}, None)


def test_a_write_of_nobody_is_refused_by_the_database(nobody):
    with pytest.raises(DatabaseError, match="Nobody is acting: insert on accounts_user refused") as refusal:
        User.objects.create_user("anna@example.org")
    assert refusal.value.__cause__.sqlstate == triggers.NO_ACTOR


def test_reading_by_nobody_is_refused(nobody, now):
    with pytest.raises(NobodyActs):
        record_read(what="identity", participant_study_id="X", fields=["name"], reason="call", now=now)


def test_a_reading_is_logged_and_stands_in_the_trail(now):
    with acting("user:3", request="r-2"):
        record_read(
            what="identity", participant_study_id="X", fields=["phone", "name"], reason="call", now=now
        )
    read = ReadEvent.objects.get()
    assert (read.actor, read.request, read.fields) == ("user:3", "r-2", ["name", "phone"])
    assert events("audit_read")[0].row_id == str(read.pk)


def test_every_table_of_ours_is_watched_and_every_trigger_is_on():
    assert triggers.gaps() == []
    assert {"accounts_user", "people_participant", "mfa_authenticator", "account_emailaddress"} <= {
        table.table for table in watched()
    }


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO audit_event (at, transaction, actor, reason, request, table_name, row_id, action)"
        " VALUES (now(), 1, 'user:1', '', '', 'x', '1', 'I')",
        "UPDATE audit_event SET actor = 'user:1'",
        "DELETE FROM audit_event",
        "TRUNCATE audit_event",
        "UPDATE audit_block SET number = 2",
        "DELETE FROM audit_block",
        "UPDATE audit_read SET reason = ''",
        "DELETE FROM audit_read",
        "TRUNCATE accounts_user CASCADE",
        "ALTER TABLE accounts_user DISABLE TRIGGER audit_insert",
        "DROP TRIGGER audit_insert ON accounts_user",
        "SET session_replication_role = replica",
        "SELECT setval('audit_event_id_seq', 1)",
        "UPDATE django_migrations SET name = ''",
        "CREATE TABLE public.mine (id int)",
    ],
)
def test_the_application_may_not_touch_the_trail(statement):
    with (
        pytest.raises(DatabaseError, match=r"permission denied|must be owner"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


@pytest.mark.django_db(databases=["default", "owner"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET actor = 'user:1'",
        "DELETE FROM audit_block",
        "TRUNCATE audit_read",
        "TRUNCATE accounts_user CASCADE",
    ],
)
def test_even_the_owner_is_refused_while_the_triggers_stand(statement):
    with (
        pytest.raises(DatabaseError) as refusal,
        transaction.atomic(using="owner"),
        connections["owner"].cursor() as cursor,
    ):
        cursor.execute(statement)
    assert refusal.value.__cause__.sqlstate == triggers.APPEND_ONLY_REFUSAL


@pytest.mark.django_db(databases=["default", "owner"])
def test_installing_again_takes_back_a_right_that_was_given_by_hand():
    with connections["owner"].cursor() as cursor:
        cursor.execute("GRANT UPDATE ON audit_event TO tilbake_app")
        triggers.install()
        cursor.execute("SELECT has_table_privilege('tilbake_app', 'audit_event', 'UPDATE')")
        assert cursor.fetchone() == (False,)
    assert triggers.gaps() == []


@pytest.mark.django_db(databases=["default", "owner"])
def test_a_switched_off_trigger_is_named():
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_user DISABLE TRIGGER audit_insert")
        assert triggers.gaps("owner") == ["accounts_user: the trigger audit_insert is missing or disabled"]


@pytest.mark.django_db(databases=["default", "owner"])
def test_a_right_that_somebody_gave_by_hand_is_named():
    with connections["owner"].cursor() as cursor:
        cursor.execute("GRANT INSERT ON audit_event TO PUBLIC")
        assert triggers.gaps("owner") == ["audit_event: the application may INSERT"]


@pytest.mark.django_db(databases=["default", "owner"])
@pytest.mark.parametrize("role", ["tilbake_owner", "postgres"])
def test_a_role_that_can_act_as_the_owner_is_not_taken_for_the_application(settings, monkeypatch, role):
    monkeypatch.setitem(settings.DATABASES["default"], "USER", role)
    with pytest.raises(ImproperlyConfigured, match="a role of its own"):
        triggers.install()
