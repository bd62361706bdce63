import os
import threading
from datetime import timedelta
from itertools import pairwise

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from analysis.services import make_snapshot
from tests.factories import make_trial, make_user
from trial.audit import services
from trial.audit.chain import GENESIS, verify
from trial.audit.models import AuditBlock, AuditEvent
from trial.audit.selectors import head, oldest_unsealed
from trial.audit.services import seal_events
from trial.audit.tasks import seal

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def chain(now, monkeypatch):
    """Six events in three blocks."""
    monkeypatch.setattr(services, "EVENTS_PER_BLOCK", 2)
    for _ in range(6):
        make_user()
    seal_events(now=now)


def test_sealing_takes_every_event_once_and_links_the_blocks(chain, now):
    blocks = list(AuditBlock.objects.order_by("number"))
    sealed = [event_id for block in blocks for event_id in block.event_ids]
    assert sealed == list(AuditEvent.objects.order_by("id").values_list("id", flat=True))
    assert [len(block.event_ids) for block in blocks] == [2, 2, 2]
    assert bytes(blocks[0].previous_hash) == GENESIS
    assert all(bytes(later.previous_hash) == bytes(earlier.hash) for earlier, later in pairwise(blocks))
    assert seal_events(now=now).events == 0
    assert AuditBlock.objects.count() == 3
    assert oldest_unsealed() is None


def test_an_untouched_trail_is_whole(chain, capsys):
    make_user()
    verdict = verify(heads={head(): "a note"})
    assert (verdict.blocks, verdict.events, verdict.unsealed, verdict.problem) == (3, 6, 1, None)
    call_command("audit", "verify")
    assert "6 events in 3 blocks; 1 wait" in capsys.readouterr().out
    call_command("audit", "head")
    assert capsys.readouterr().out.strip() == head()


def test_the_task_seals():
    make_user()
    seal()
    assert AuditBlock.objects.get().event_ids == [AuditEvent.objects.get().pk]


def test_numbers_that_a_rollback_burned_are_no_deletion(now):
    make_user()
    with transaction.atomic():
        make_user()
        transaction.set_rollback(True)
    make_user()
    seal_events(now=now)
    assert verify().problem is None


ATTACKS = {
    "an edit": (
        "UPDATE audit_event SET new = jsonb_set(new, '{{name}}', '\"Other\"') WHERE id = {third}",
        "event {third} was altered",
    ),
    "another actor": (
        "UPDATE audit_event SET actor = 'user:1' WHERE id = {third}",
        "event {third} was altered",
    ),
    "another time": (
        "UPDATE audit_event SET at = at + '1 us' WHERE id = {third}",
        "event {third} was altered",
    ),
    "a deletion": ("DELETE FROM audit_event WHERE id = {third}", "event {third} was deleted"),
    "a deletion at the end": ("DELETE FROM audit_event WHERE id = {last}", "event {last} was deleted"),
    "an exchange": (
        "UPDATE audit_event SET id = CASE id WHEN {third} THEN -1 ELSE {third} END"
        " WHERE id IN ({third}, {last});"
        "UPDATE audit_event SET id = {last} WHERE id = -1",
        "event {third} was altered",
    ),
    "an insertion": (
        "INSERT INTO audit_event (id, at, transaction, actor, reason, request, table_name, row_id, action)"
        " VALUES ({first} - 1, now(), 1, 'user:1', '', '', 'x', '1', 'I');"
        "UPDATE audit_event SET id = id + 100000; UPDATE audit_event SET id = id - 99999",
        "event {first} was altered",
    ),
    "an insertion before the first": (
        "INSERT INTO audit_event (id, at, transaction, actor, reason, request, table_name, row_id, action)"
        " VALUES ({first} - 1, now(), 1, 'user:1', '', '', 'x', '1', 'I')",
        "event {before} was inserted",
    ),
    "an edited block": (
        "UPDATE audit_block SET sealed_at = sealed_at + '1 s' WHERE number = 2",
        "block 2 was altered",
    ),
    "a removed block": ("DELETE FROM audit_block WHERE number = 2", "block 2 was deleted"),
    "a block that drops an event": (
        "UPDATE audit_block SET event_ids = event_ids[1:1], digests = substr(digests, 1, 32)"
        " WHERE number = 3",
        "block 3 was altered",
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_past_the_triggers_is_found_and_named(attack, chain, attacker):
    ids = list(AuditEvent.objects.order_by("id").values_list("id", flat=True))
    names = {"first": ids[0], "before": ids[0] - 1, "third": ids[2], "last": ids[-1]}
    statement, complaint = ATTACKS[attack]
    attacker.execute(statement.format(**names))
    assert str(verify().problem).startswith(complaint.format(**names))
    with pytest.raises(CommandError, match="tampered with"):
        call_command("audit", "verify")


def test_an_event_smuggled_into_a_gap_is_found(now, attacker):
    make_user()
    with transaction.atomic():
        make_user()
        transaction.set_rollback(True)
    make_user()
    seal_events(now=now)
    first = AuditEvent.objects.order_by("id").first()
    attacker.execute(
        "INSERT INTO audit_event SELECT id + 1, at, transaction, actor, reason, request, table_name, row_id,"
        " action, old, new FROM audit_event WHERE id = %s",
        [first.pk],
    )
    assert verify().problem == f"event {first.pk + 1} was inserted into the sealed past"


def test_a_chain_that_was_cut_or_made_anew_is_found_by_a_head_kept_elsewhere(chain, attacker, now):
    kept = head()
    attacker.execute("DELETE FROM audit_block WHERE number = 3")
    assert verify().problem is None
    noted = {kept: "a note"}
    cut = f"block 3 and what follows it were cut off: the head was {kept} (a note)"
    assert verify(heads=noted).problem == cut
    attacker.execute("UPDATE audit_event SET actor = 'user:1' WHERE id = (SELECT max(id) FROM audit_event)")
    seal_events(now=now)
    assert verify().problem is None
    assert verify(heads=noted).problem.startswith("block 3 was replaced")


def test_the_command_finds_a_cut_by_the_head_in_a_snapshot_and_says_how_far_it_sees(
    attacker, now, settings, tmp_path, capsys
):
    settings.EXPORT_DIR = tmp_path
    trial = make_trial()
    seal_events(now=now)
    snapshot = make_snapshot(trial=trial, by="system:test", now=now)
    call_command("audit", "verify")
    assert "the heads in 1 of 1 snapshots: nothing up to block 1 was cut off" in capsys.readouterr().out

    attacker.execute("DELETE FROM audit_block")
    with pytest.raises(
        CommandError, match=rf"block 1 and what follows it were cut off.*{snapshot.file_name}"
    ):
        call_command("audit", "verify")

    snapshot.path.unlink()
    call_command("audit", "verify")
    assert "0 of 1 snapshots: whether blocks were cut off its end is not seen" in capsys.readouterr().out


def test_a_head_that_was_copied_badly_is_said_to_be_none():
    with pytest.raises(CommandError, match="is not a head"):
        call_command("audit", "verify", "--head", "3:abc")


def test_a_missing_trigger_fails_the_verification(chain, attacker):
    attacker.execute("ALTER TABLE accounts_user DISABLE TRIGGER audit_update")
    try:
        with pytest.raises(CommandError, match="accounts_user: the trigger audit_update"):
            call_command("audit", "verify")
    finally:
        attacker.execute("ALTER TABLE accounts_user ENABLE TRIGGER audit_update")


def test_an_event_that_commits_late_is_waited_for_and_never_lost(now):
    written, go_on = threading.Event(), threading.Event()
    thread = threading.Thread(target=_slow_writer, args=(written, go_on))
    thread.start()
    assert written.wait(10)
    make_user()  # a higher number, committed first
    assert not seal_events(now=now, patience=timedelta(seconds=0.2)).complete
    assert AuditBlock.objects.count() == 0
    go_on.set()
    thread.join()
    assert seal_events(now=now) == services.Sealed(events=2, blocks=1, complete=True)
    assert verify().problem is None


def _slow_writer(written, go_on):
    from trial.audit.context import acting

    with acting("system:slow"), transaction.atomic():
        make_user()
        written.set()
        go_on.wait(10)
    connection.close()


def test_a_writer_in_another_database_of_the_server_is_not_waited_for(now):
    make_user()
    elsewhere = os.environ["TEST_SUPERUSER_URL"].replace(connection.settings_dict["NAME"], "postgres")
    with psycopg.connect(elsewhere) as other:
        other.execute("SELECT pg_current_xact_id()")
        assert seal_events(now=now, patience=timedelta(0)).complete


def test_only_one_seals_at_a_time(now):
    make_user()
    other = connection.copy()
    try:
        with transaction.atomic(), other.cursor() as cursor:
            cursor.execute("BEGIN")
            from trial.core.db import _number

            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_number("audit-seal")])
            assert not seal_events(now=now).complete
            cursor.execute("ROLLBACK")
    finally:
        other.close()
    assert seal_events(now=now).complete
