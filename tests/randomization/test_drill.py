"""The drill that is filed before the first participant: what it tests, and that it notices what is broken."""

import os
import re
import subprocess
import sys
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import get_args

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, connections
from django.utils.translation import override

from randomization.drill import Finding
from randomization.models import SealedList
from tests.factories import NOW, TINY, by_method
from tests.production import compose, filled_in
from trial.protocol.checks.problems import ProtocolProblems
from trial.protocol.reading import Sources, read_sources, study_from
from trial.protocol.schema.trial import Method
from trial.rehearsal.drilling import Drilled, drill, report, scratch_copy
from trial.rehearsal.management.commands import randomization as command

ROOT = Path(__file__).parents[2]
CLICKS = 20
METHODS = get_args(Method)
QUICK = ("permuted_blocks", "minimization", "pairwise_clusters")
"""Each starts five processes; the other designs are drilled by `make test-heavy`."""
USED_UP = {"minimization": "Missing: The trial still needs participants; The list has a place left."}
"""Its one list ends with the trial."""
TITLES = (
    "clicks on one participant at once",
    "participants at once",
    "Killed programs",
    "A participant who withdraws the data",
    "A participant who is deleted",
    "A list that is used up",
    "Verification",
    "Two places exchanged behind the program's back",
)


def tiny(changes=()):
    sources = read_sources(TINY)
    text = sources.protocol
    for old, new in dict(changes).items():
        assert old in text
        text = text.replace(old, new)
    return Sources(text, sources.instruments)


@pytest.fixture
def drilled(transactional_db):
    """Drills a trial by these sources in the test's own database, in English as the command does."""

    def drilled(sources=None):
        with override("en"):
            return drill(sources=sources or tiny(), clock=lambda: NOW, say=lambda _: None, clicks=CLICKS)

    yield drilled
    connections["owner"].close()


pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


@pytest.mark.parametrize(
    "method",
    [method if method in QUICK else pytest.param(method, marks=pytest.mark.heavy) for method in METHODS],
)
def test_every_design_passes_the_drill(drilled, method):
    done = drilled(tiny(by_method(method)))
    assert [finding.title.lstrip("0123456789 ") for finding in done.findings] == list(TITLES)
    assert {finding.title: finding.happened for finding in done.findings if not finding.passed} == {}
    assert "was changed" in done.findings[7].happened
    assert done.commitment == SealedList.objects.get().commitment
    if "clusters" not in method:
        used_up = done.findings[5].happened
        assert USED_UP.get(method, "All places on the list for this site and these answers are") in used_up
        assert "2 were told, twice" in used_up


@contextmanager
def switched_off(table, trigger):
    def switch(how):
        with connections["owner"].cursor() as cursor:
            cursor.execute(f"ALTER TABLE {table} {how} TRIGGER {trigger}")
        connections["owner"].close()

    switch("DISABLE")
    try:
        yield
    finally:
        switch("ENABLE")


def test_the_drill_notices_when_the_database_lets_an_allocation_go(drilled):
    with switched_off("randomization_allocation", "never_changes"):
        done = drilled()
    assert not done.passed
    failed = {finding.title: finding.happened for finding in done.findings if not finding.passed}
    assert failed == {"A participant who is deleted": "The default role could take away the allocation."}
    assert b"/Title (Drill of the randomization: Tiny trial)" in report(done)


def test_the_scratch_copy_changes_the_length_of_the_lists_and_the_target_alone():
    sources = tiny()
    copy, plan = (study_from(each).protocol for each in (scratch_copy(sources, places=7), sources))
    assert copy.randomization.places_per_stratum == 7
    same = {"places_per_stratum": plan.randomization.places_per_stratum}
    assert copy.target == 70
    lists = copy.randomization.model_copy(update=same)
    assert copy.model_copy(update={"randomization": lists, "target": plan.target}) == plan
    assert scratch_copy(sources, places=7).instruments == sources.instruments


@pytest.mark.parametrize(("sizes", "made_by"), [("block_sizes = [4]\n", "permuted_blocks"), ("", "simple")])
def test_an_imported_list_is_replaced_by_one_made_by_its_ratio(sizes, made_by):
    changes = {'method = "permuted_blocks"': 'method = "imported_list"', "block_sizes = [4, 6]\n": sizes}
    copy = study_from(scratch_copy(tiny(changes), places=7)).protocol.randomization
    assert (copy.method, copy.places_per_stratum) == (made_by, 7)


def run(*arguments, tmp_path, **environment):
    return subprocess.run(
        [sys.executable, "manage.py", "randomization", "drill", *arguments],
        cwd=ROOT,
        env={
            **os.environ,
            "TILBAKE_VAR": str(tmp_path),
            "DJANGO_SETTINGS_MODULE": "trial.config.settings",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=300,
    )


def databases():
    with connection.cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE 'rehearsal_%'")
        return {row[0] for row in cursor.fetchall()}


@pytest.mark.timeout(300)
def test_a_production_server_files_a_report_and_keeps_nothing_else(tmp_path, eventually):
    before = databases()
    migrate = compose(filled_in())["services"]["migrate"]["environment"]
    environment = {name: os.environ.get(name, value) for name, value in migrate.items()}
    file = tmp_path / "master" / "drill.pdf"
    answer = run("workup", "--out", str(file), tmp_path=tmp_path, **environment)
    assert answer.returncode == 0, answer.stderr + answer.stdout
    assert len(re.findall("^passed  ", answer.stdout, re.MULTILINE)) == len(TITLES)
    assert answer.stdout.endswith(f"All 8 tests passed. The report is {file}.\n")
    assert file.read_bytes().startswith(b"%PDF")
    left = databases() - before
    eventually(lambda: not left & databases(), seconds=120)  # those of other workers' tests go, too


def test_an_unknown_protocol_leaves_no_empty_report(db, settings, tmp_path):
    settings.VAR_DIR = tmp_path
    for out in ([], ["--out", str(tmp_path / "drill.pdf")]):
        with pytest.raises(CommandError, match="No protocol nothing is loaded"):
            call_command("randomization", "drill", "nothing", *out)
    assert list(tmp_path.iterdir()) == []


@contextmanager
def no_server():
    raise OperationalError("the server closed the connection")
    yield


def drill_of_workup(file):
    call_command("randomization", "drill", "workup", "--out", str(file))


def test_a_drill_that_breaks_off_says_so_and_leaves_the_earlier_report_as_it_was(db, monkeypatch, tmp_path):
    monkeypatch.setattr(command, "scratch_database", no_server)
    earlier = tmp_path / "earlier.pdf"
    earlier.write_text("The report of last week.")
    for file in (earlier, tmp_path / "new.pdf"):
        with pytest.raises(CommandError, match="ended without a report: the server closed"):
            drill_of_workup(file)
    assert list(tmp_path.iterdir()) == [earlier]
    assert earlier.read_text() == "The report of last week."


def test_a_drill_that_fails_files_a_report_that_says_what_failed(db, monkeypatch, tmp_path):
    failed = Finding("Verification", "All agrees.", "It does not.", passed=False, seconds=1)
    done = Drilled(
        protocol=study_from(tiny()).protocol,
        sha256="0",
        list_of_drill="simple",
        commitment="0",
        database="PostgreSQL",
        began=NOW,
        ended=NOW,
        findings=(failed,),
    )
    monkeypatch.setattr(command, "scratch_database", nullcontext)
    monkeypatch.setattr(command, "drill", lambda **_: done)
    file = tmp_path / "drill.pdf"
    with pytest.raises(CommandError, match=f"1 of 1 tests failed. The report is {file}."):
        drill_of_workup(file)
    assert [each.name for each in tmp_path.iterdir()] == ["drill.pdf"]
    assert file.read_bytes().startswith(b"%PDF")


def test_where_no_report_can_be_written_no_drill_begins(db, monkeypatch, tmp_path):
    monkeypatch.setattr(command, "scratch_database", no_server)
    (tmp_path / "file").touch()
    for out in (tmp_path, tmp_path / "file" / "drill.pdf"):
        with pytest.raises(CommandError, match=r"is a folder|File exists"):
            drill_of_workup(out)


def test_without_the_owners_right_it_says_which_container_has_it(tmp_path):
    answer = run("workup", tmp_path=tmp_path, OWNER_DATABASE_URL="")
    assert answer.returncode != 0
    assert "docker compose run --rm migrate" in answer.stderr


def test_a_design_that_is_refused_is_not_drilled(drilled):
    with pytest.raises(ProtocolProblems):
        drilled(tiny({"block_sizes = [4, 6]": "block_sizes = [4, 4]"}))
