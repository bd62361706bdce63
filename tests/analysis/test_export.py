"""What a snapshot holds, and what it never holds."""

import csv
import json
import os
import pwd
import zipfile
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import TextIOWrapper
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from analysis.errors import SnapshotUnderway
from analysis.models import Snapshot
from analysis.services import make_due_snapshots, make_snapshot, one_moment
from analysis.statistics.report import analyse
from randomization.selectors import arms_for_analysis
from tests.analysis.conftest import LATER
from tests.factories import NOW, TINY, by_method, make_participant, make_trial
from trial.audit.models import AuditEvent, ReadEvent
from trial.core import chance
from trial.core.db import _number
from trial.people.models import Status
from trial.people.services import add_status, sync_sites
from trial.protocol.models import TrialStatus
from trial.protocol.reading import read_sources
from trial.protocol.selectors import protocol_of
from trial.protocol.services import activate, load_protocol, set_trial_status

DAY = timedelta(days=1)
PROTOCOLS = Path(__file__).parents[2] / "protocols"


def snapshot_of(trial, now=LATER) -> Snapshot:
    return make_snapshot(trial=trial, by="system:test", now=now)


def rows_of(snapshot: Snapshot, name: str) -> list[dict[str, str]]:
    with zipfile.ZipFile(snapshot.path) as archive, archive.open(name) as raw:
        return list(csv.DictReader(TextIOWrapper(raw, encoding="utf-8", newline="")))


def manifest_of(snapshot: Snapshot) -> dict:
    with zipfile.ZipFile(snapshot.path) as archive:
        return json.loads(archive.read("manifest.json"))


def arms_of(snapshot: Snapshot) -> dict[str, str]:
    return {row["participant"]: row["arm"] for row in rows_of(snapshot, "participants.csv") if row["arm"]}


def lock(trial) -> None:
    for status in (TrialStatus.Name.CLOSED, TrialStatus.Name.LOCKED):
        set_trial_status(trial=trial, name=status, by="system:test", now=LATER, reason="last answer in")


def test_every_participant_week_and_answer_has_its_row(trial, participants):
    snapshot = snapshot_of(trial)
    people = rows_of(snapshot, "participants.csv")
    assert len(people) == 7
    assert [row["participant"] for row in people] == sorted(row["participant"] for row in people)
    followed = next(row for row in people if row["participant"] == participants[0].study_id)
    assert followed["registered_on"] == "2026-03-02"
    assert followed["follow_up_from"] == "2026-03-09"
    assert followed["consent_registers"] == "1"
    assert followed["stratum_complaint"] == "body"
    assert followed["eligible"] == "1"
    weekly = rows_of(snapshot, "weekly.csv")
    assert len(weekly) == 24
    assert Counter(row["days"] or row["missing"] for row in weekly)["0"] == 12
    assert all(bool(row["days"]) != bool(row["missing"]) for row in weekly)
    assert snapshot.row_counts["weekly.csv"] == 24


def test_answers_stand_long_and_wide_with_their_scores(trial, participants):
    snapshot = snapshot_of(trial)
    long = rows_of(snapshot, "responses.csv")
    first = [row for row in long if row["participant"] == participants[0].study_id]
    assert {row["item"]: row["value"] for row in first}["pain_now"] == "4"
    assert {row["occasion"] for row in first} == {"screening", "baseline"}
    wide = rows_of(snapshot, "instruments/wellbeing.csv")
    assert len(wide) == 7
    assert wide[0]["calm"] == "sometimes"
    assert wide[0]["wellbeing_total"]
    assert rows_of(snapshot, "eligibility.csv")[0]["weeks_sick_listed"] == "12"


def test_every_column_of_every_file_is_in_the_codebook(trial, participants):
    snapshot = snapshot_of(trial)
    explained = {(row["file"], row["column"]): row for row in rows_of(snapshot, "codebook.csv")}
    with zipfile.ZipFile(snapshot.path) as archive:
        files = [name for name in archive.namelist() if name.endswith(".csv")]
        found = set()
        for name in files:
            header = archive.read(name).decode().splitlines()[0]
            found |= {(name, column) for column in next(csv.reader([header]))}
    assert found == explained.keys()
    assert all(row["label"] and row["type"] for row in explained.values())


def test_codes_are_in_the_codebook_and_empty_cells_are_explained(trial, participants):
    snapshot = snapshot_of(trial)
    for row in rows_of(snapshot, "codebook.csv"):
        if row["file"] == "codebook.csv":
            continue
        codes = {code.split(" = ")[0] for code in row["codes"].split(" | ")} if row["codes"] else None
        for cells in rows_of(snapshot, row["file"]):
            cell = cells[row["column"]]
            assert cell or row["missing"], f"{row['file']} {row['column']} is empty and nobody says why"
            if cell and codes and row["type"] == "code":
                assert cell in codes


def test_the_codebook_tells_the_range_of_numbers_and_the_codes_of_a_detail(trial, participants):
    book = {(row["file"], row["column"]): row for row in rows_of(snapshot_of(trial), "codebook.csv")}
    assert book["eligibility.csv", "weeks_sick_listed"]["range"] == "0 to 104"
    assert book["weekly.csv", "days"]["range"] == "0 to 7"
    assert book["eligibility.csv", "main_complaint"]["range"] == ""
    codes = book["weekly.csv", "detail"]["codes"]
    assert "no_phone = no phone number" in codes
    assert "withdrawn" not in codes


def test_the_status_is_what_holds_at_the_time_of_the_snapshot(trial, participants):
    def statuses(now):
        rows = rows_of(snapshot_of(trial, now), "participants.csv")
        return {row["participant"]: (row["status"], row["status_on"]) for row in rows}

    first, second, *_others = (participant.study_id for participant in participants)
    assert statuses(NOW + timedelta(days=1))[first] == ("randomized", "2026-03-02")
    assert statuses(NOW + timedelta(days=20))[first] == ("in_follow_up", "2026-03-09")
    add_status(participant=participants[1], name=Status.PAUSED, by=None, now=LATER, until=LATER + DAY)
    add_status(participant=participants[0], name=Status.COMPLETED, by=None, now=LATER)
    found = statuses(LATER)
    assert found[first] == ("completed", "2026-04-15")
    assert found[second][0] == "paused"
    assert sorted(name for name, _ in found.values()).count("in_follow_up") == 4


def test_free_text_and_what_the_protocol_leaves_out_stay_inside(trial, participants):
    snapshot = snapshot_of(trial)
    assert "remarks" in manifest_of(snapshot)["items_left_out"]
    assert "remarks" not in {row["column"] for row in rows_of(snapshot, "codebook.csv")}


def test_arms_are_letters_that_differ_between_snapshots(trial, participants):
    seen = set()
    for number in range(12):
        with chance.seeded(number):
            snapshot = snapshot_of(trial, LATER + timedelta(minutes=number))
        letters = arms_of(snapshot)
        assert set(letters.values()) == {"A", "B"}
        assert snapshot.masked
        seen.add(letters[participants[0].study_id])
    assert seen == {"A", "B"}


def test_a_masked_snapshot_names_no_arm_anywhere(trial, participants):
    snapshot = snapshot_of(trial)
    with zipfile.ZipFile(snapshot.path) as archive:
        for name in archive.namelist():
            text = archive.read(name).decode()
            assert "usual" not in text
            assert "talk" not in text
    assert manifest_of(snapshot)["plan"]["reference_arm"] is None


def test_a_masked_snapshot_does_not_tell_who_left_the_intervention(trial, participants):
    add_status(participant=participants[0], name=Status.WITHDRAWN_INTERVENTION, by=None, now=NOW)
    assert {row["withdrew_intervention_on"] for row in rows_of(snapshot_of(trial), "participants.csv")} == {
        ""
    }
    lock(trial)
    opened = rows_of(snapshot_of(trial, LATER + timedelta(hours=1)), "participants.csv")
    assert [row["participant"] for row in opened if row["withdrew_intervention_on"]] == [
        participants[0].study_id
    ]


def test_after_the_lock_the_true_arms_are_shown(trial, participants):
    lock(trial)
    snapshot = snapshot_of(trial)
    true = arms_for_analysis(trial=trial, reason="test", now=LATER)
    assert arms_of(snapshot) == {one.study_id: true[one.pk] for one in participants}
    assert manifest_of(snapshot)["plan"]["reference_arm"] == "usual"
    assert manifest_of(snapshot)["arms"] == ["talk", "usual"]
    assert not snapshot.masked


def test_who_withdrew_the_data_is_left_out_and_counted(trial, participants):
    gone = participants[0]
    add_status(participant=gone, name=Status.WITHDRAWN_DATA, by=None, now=NOW)
    snapshot = snapshot_of(trial)
    with zipfile.ZipFile(snapshot.path) as archive:
        assert not any(gone.study_id in archive.read(name).decode() for name in archive.namelist())
    assert manifest_of(snapshot)["participants_left_out"] == {"withdrew_data": 1}
    assert snapshot.left_out == {"withdrew_data": 1}


def test_no_identity_is_in_a_snapshot(trial, participants):
    snapshot = snapshot_of(trial)
    with zipfile.ZipFile(snapshot.path) as archive:
        for name in archive.namelist():
            text = archive.read(name).decode()
            assert "Eksempel" not in text
            assert "680500" not in text


def test_the_same_data_and_the_same_mask_give_the_same_bytes(trial, participants):
    hashes = []
    for _ in range(2):
        with chance.seeded(7):
            hashes.append(snapshot_of(trial).sha256)
    assert hashes[0] == hashes[1]


def test_a_snapshot_of_an_empty_trial_is_made_and_analysed(trial):
    snapshot = snapshot_of(trial)
    assert rows_of(snapshot, "participants.csv") == []
    assert "cannot be estimated" in str(analyse(snapshot.path))


def test_the_first_analysis_of_a_snapshot_counts_its_participants(trial, participants):
    report = analyse(snapshot_of(trial).path)
    working = next(line for line in report.lines if line.measure == "working" and not line.group)
    assert (working.n, working.of) == (3, 3)


@pytest.mark.parametrize("method", ["complete_clusters", "stratified_clusters", "pairwise_clusters"])
def test_whoever_knows_a_sites_arm_learns_no_letter_from_a_masked_cluster_trial(db, method):
    trial = make_trial(changes=by_method(method))
    make_participant(trial)
    snapshot = snapshot_of(trial)
    assert rows_of(snapshot, "participants.csv")[0]["site"] in ("site1", "site2")
    assert manifest_of(snapshot)["plan"]["clustered"] is True


def test_in_a_cluster_trial_sites_and_pairs_are_masked_too(db):
    text = TINY.read_text()
    design = text[text.index("[randomization]") : text.index("[weekly]")]
    ratio = "ratio = { talk = 1, usual = 1 }"
    changes = {design: f'[randomization]\nmethod = "pairwise_clusters"\n{ratio}\n\n'}
    for name in ("North", "South"):
        changes[f'name = "{name}"'] = f'name = "{name}"\npair = "coast"\ncluster = true'
    trial = make_trial(changes=changes)
    make_participant(trial)
    row = rows_of(snapshot_of(trial), "participants.csv")[0]
    assert row["site"] in ("site1", "site2")
    assert row["pair"] == "pair1"
    assert manifest_of(trial.snapshots.get())["plan"]["clustered"] is True


def test_the_nightly_sweep_makes_one_snapshot_after_the_hour_of_export(trial, participants):
    evening = datetime(2026, 4, 15, 20, 0, tzinfo=UTC)
    assert [one.trial for one in make_due_snapshots(by="system:test", now=evening)] == [trial]
    assert make_due_snapshots(by="system:test", now=datetime(2026, 4, 15, 23, 59, tzinfo=UTC)) == []
    two_in_oslo = datetime(2026, 4, 16, 0, 0, tzinfo=UTC)
    assert len(make_due_snapshots(by="system:test", now=two_in_oslo)) == 1
    assert make_due_snapshots(by="system:test", now=two_in_oslo) == []
    assert Snapshot.objects.first().first_analysis.results["masked"] is True


def test_after_the_lock_one_open_snapshot_is_the_last(trial, participants):
    make_due_snapshots(by="system:test", now=LATER)
    lock(trial)
    tomorrow = LATER + timedelta(days=1)
    assert [one.masked for one in make_due_snapshots(by="system:test", now=tomorrow)] == [False]
    assert make_due_snapshots(by="system:test", now=tomorrow + timedelta(days=1)) == []


def test_a_trial_whose_export_fails_does_not_keep_the_others_from_theirs(trial, exports):
    make_trial("another")
    in_the_way = exports / f"tiny-0001-{LATER:%Y%m%dT%H%M%SZ}.zip"
    in_the_way.mkdir(parents=True)
    with pytest.raises(ExceptionGroup) as failed:
        make_due_snapshots(by="system:test", now=LATER)
    assert failed.value.exceptions[0].__notes__ == ["while exporting tiny"]
    assert [snapshot.trial.slug for snapshot in Snapshot.objects.all()] == ["another"]
    assert list(exports.glob("*.part")) == []


def test_what_a_killed_export_left_is_removed_by_the_next(trial, exports):
    exports.mkdir()
    left = exports / "tiny-0001-20260415T020000Z-x7k.part"
    other = exports / "tiny-too-0001-20260415T020000Z-x7k.part"
    left.touch()
    other.touch()
    snapshot_of(trial)
    assert not left.exists()
    assert other.exists()


@pytest.mark.parametrize("file", sorted(PROTOCOLS.glob("*.toml")), ids=lambda file: file.stem)
def test_every_protocol_that_we_ship_can_be_exported_and_analysed(db, file):
    version = load_protocol(sources=read_sources(file), now=NOW)
    activate(version=version, by="system:test", now=NOW)
    sync_sites(trial=version.trial, protocol=protocol_of(version), now=NOW)
    snapshot = snapshot_of(version.trial)
    assert len(rows_of(snapshot, "codebook.csv")) > 50
    assert "cannot be estimated" in str(analyse(snapshot.path))


def test_a_draft_has_nothing_to_export(db):
    make_trial(recruiting=False)
    assert make_due_snapshots(by="system:test", now=LATER) == []


@contextmanager
def elsewhere():
    """A second connection to the same database."""
    other = connection.copy()
    try:
        yield other
    finally:
        other.close()


@pytest.mark.django_db(transaction=True)
def test_all_queries_of_a_snapshot_see_the_same_moment(exports):
    make_trial()
    count = "SELECT count(*) FROM protocol_trialstatus"
    with one_moment(), connection.cursor() as mine, elsewhere() as other, other.cursor() as theirs:
        mine.execute(count)
        before = mine.fetchone()
        theirs.execute(
            "INSERT INTO protocol_trialstatus (trial_id, name, at, by, reason) "
            "SELECT id, 'closed', now(), 'system:test', '' FROM protocol_trial"
        )
        mine.execute(count)
        assert mine.fetchone() == before
    with connection.cursor() as mine:
        mine.execute("SHOW transaction_isolation")
        assert mine.fetchone() == ("read committed",)


@pytest.mark.django_db(transaction=True)
def test_two_snapshots_of_a_trial_are_never_made_at_once(exports):
    trial = make_trial()
    with elsewhere() as other, other.cursor() as theirs:
        number = _number(f"analysis.snapshot.{trial.pk}")
        theirs.execute("SELECT pg_advisory_lock(%s)", [number])
        with pytest.raises(SnapshotUnderway):
            snapshot_of(trial)
        # Not left to closing the connection, whose server lets go a little later.
        theirs.execute("SELECT pg_advisory_unlock(%s)", [number])
    assert snapshot_of(trial).pk


def test_the_commands_export_and_analyse_from_the_shell(trial, participants, tmp_path, capsys):
    call_command("export", "tiny", out=tmp_path / "out")
    (made,) = (tmp_path / "out").iterdir()
    assert (made.parent.stat().st_mode & 0o777, made.stat().st_mode & 0o777) == (0o700, 0o600)
    assert Snapshot.objects.get().sha256 in capsys.readouterr().out
    call_command("analyse", made, out=tmp_path / "analysis")
    assert "risk difference" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "analysis").iterdir()} == {
        "results.csv",
        "report.html",
        "sustained-return.svg",
    }


def test_a_copy_out_of_the_house_is_on_record_with_who_made_it(trial, participants, tmp_path):
    snapshot_of(trial)
    assert not ReadEvent.objects.filter(what__startswith="snapshot").exists()

    call_command("export", "tiny", out=tmp_path / "out")
    read = ReadEvent.objects.get(what=f"snapshot {Snapshot.objects.first().file_name}")
    assert read.actor == "system:export"
    somebody = pwd.getpwuid(os.getuid()).pw_name
    assert read.reason.startswith(f"copied into {tmp_path / 'out'} by {somebody} on ")
    written = AuditEvent.objects.filter(table_name="analysis_snapshot").latest("pk")
    assert (written.actor, written.reason) == (read.actor, read.reason)


def test_the_commands_say_in_a_sentence_what_is_wrong(trial, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match="no trial other"):
        call_command("export", "other", out=tmp_path)
    with pytest.raises(CommandError, match="is a file"):
        call_command("export", "tiny", out=tmp_path / "file")
    with pytest.raises(CommandError, match="not a whole zip"):
        call_command("analyse", tmp_path / "file", out=tmp_path)


def test_a_folder_that_cannot_be_written_to_is_refused_before_anything_is_published(trial, tmp_path):
    (tmp_path / "file").write_text("")
    closed = Path("/proc/out")
    for folder, sentence in (
        (closed, "Nothing can be written to the folder /proc/out: .*. Name another."),
        (tmp_path / "file" / "out", "file is a file; name a folder."),
    ):
        with pytest.raises(CommandError, match=sentence):
            call_command("export", "tiny", out=folder)
    assert not Snapshot.objects.exists()
    made = snapshot_of(trial).path
    with pytest.raises(CommandError, match="Nothing can be written"):
        call_command("analyse", made, out=closed)
    with pytest.raises(CommandError, match="is a file"):
        call_command("analyse", made, out=tmp_path / "file")
