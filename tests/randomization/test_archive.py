"""The closing archive is opened and checked as an outsider does it, by the commands of its README."""

import csv
import io
import json
import re
import shlex
import stat
import subprocess
import sys
import zipfile
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from randomization.archive import write_closing_archive
from randomization.errors import NotRevealed, NotSealed
from randomization.models import Deviation, Envelope, EnvelopeReturn, Place, Stratum, Unblinding
from randomization.selectors import arms_for_analysis
from randomization.services import (
    allocate,
    allocate_late_site,
    extend_lists,
    print_envelopes,
    reserve_envelopes,
    reveal_list,
    seal_lists,
    use_envelope,
)
from randomization.verification import verify
from tests.factories import (
    NOW,
    RATIO,
    by_method,
    join_sites,
    lock_data,
    make_trial,
    make_user,
    make_verified_participant,
    seal,
)
from tests.randomization.imported import imported_trial, list_file
from tests.randomization.test_allocation import PAIRS
from tests.randomization.test_minimization import MINIMIZED
from trial.audit.models import ReadEvent
from trial.rehearsal.sealing import seal_list

pytestmark = pytest.mark.django_db


def run(trial, count=6):
    """A sealed list, and so many participants at both sites."""
    seal(trial)
    return randomize(trial, count)


def randomize(trial, count):
    by = make_user("coordinator", trial=trial)
    sites = [trial.sites.get(key="north"), trial.sites.get(key="south")]
    return [
        allocate(
            participant=make_verified_participant(trial, sites[number % 2], by=by), by=by, now=NOW
        ).participant
        for number in range(count)
    ]


def close(trial):
    lock_data(trial)
    reveal_list(trial=trial, by=make_user("statistician", trial=trial), now=NOW)


def archive(trial, folder):
    """The archive's files, unpacked."""
    target = folder / "closing.zip"
    write_closing_archive(trial=trial, target=target, now=NOW)
    with zipfile.ZipFile(target) as opened:
        opened.extractall(folder / "opened")
    return folder / "opened"


def check(folder):
    """What each command of the README says."""
    sums = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert sums.returncode == 0, sums.stdout + sums.stderr
    assert sums.stdout.count(": OK") == len(list(folder.iterdir())) - 1
    said = ""
    for command in re.findall(r"python (verify_list\.py .+)", (folder / "README.txt").read_text()):
        arguments = [sys.executable, "-I", *shlex.split(command)]
        done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        said += done.stdout
    return said


def rows(folder, name):
    return list(csv.DictReader((folder / name).read_text().splitlines()))


def test_archive_of_strata_with_a_longer_list_and_envelopes_proves_itself(tiny, tmp_path):
    people = run(tiny)
    by = make_user("statistician", trial=tiny)
    extend_lists(trial=tiny, by=by, now=NOW, places_per_stratum=60)
    stratum = Stratum.objects.filter(used__gt=0).order_by("key").first()
    for number in (1, 2):
        stratum.used += 1
        stratum.save()
        place = Place.objects.get(stratum=stratum, position=stratum.used)
        envelope = Envelope.objects.create(
            site=tiny.sites.get(key="north"), place=place, number=number, at=NOW, by=by
        )
    EnvelopeReturn.objects.create(
        envelope=envelope, kind="lost", explanation="in the Ålesund post", at=NOW, by=by
    )
    Deviation.objects.create(
        participant=people[0], kind="ineligible", description="has a parrot", at=NOW, by=by
    )
    Unblinding.objects.create(participant=people[1], reason="a rash", at=NOW, by=by)
    close(tiny)
    folder = archive(tiny, tmp_path)

    said = check(folder)
    assert said.count("the one that was committed to") == 2
    assert said.count("Its first places are all those of list.txt.") == 1
    assert "All 6 allocations follow the list." in said
    assert [row["study_id"] for row in rows(folder, "allocations.csv")] == [one.study_id for one in people]
    assert [row["state"] for row in rows(folder, "envelopes.csv")] == ["out", "lost"]
    assert rows(folder, "deviations.csv")[0]["kind"] == "ineligible"
    assert rows(folder, "unblindings.csv")[0] == {
        "study_id": people[1].study_id,
        "asked": "2026-03-02T09:00:00Z",
        "released": "",
        "decided": "",
    }
    everything = b"".join(path.read_bytes() for path in folder.iterdir())
    for word in ("parrot", "rash", "Ålesund", "Eksempel", "+4768"):
        assert f" {word}".encode() not in everything


def test_an_envelope_was_opened_before_it_was_recorded(sealed, coordinator, tmp_path):
    north, by = sealed.sites.get(key="north"), make_user("statistician", trial=sealed)
    online, on_paper = (make_verified_participant(sealed, north, by=coordinator) for _ in range(2))
    (envelope,) = reserve_envelopes(site=north, counts={"site=north;complaint=body": 1}, by=by, now=NOW)
    print_envelopes(site=north, numbers=[1], by=by, now=NOW)
    allocate(participant=online, by=coordinator, now=NOW)
    use_envelope(
        envelope=envelope,
        participant=on_paper,
        opened_at=NOW + timedelta(hours=1),
        by=coordinator,
        now=NOW + timedelta(days=1),
    )
    close(sealed)
    folder = archive(sealed, tmp_path)
    assert "All 2 allocations follow the list." in check(folder)
    told = [(row["envelope"], row["opened"], row["at"]) for row in rows(folder, "allocations.csv")]
    assert told == [
        ("", "", "2026-03-02T09:00:00Z"),
        ("1", "2026-03-02T10:00:00Z", "2026-03-03T09:00:00Z"),
    ]


def test_arms_of_the_archive_are_those_of_the_analysis(tiny, tmp_path):
    people = {one.study_id: one.pk for one in run(tiny)}
    close(tiny)
    arms = arms_for_analysis(trial=tiny, reason="test", now=NOW)
    told = {people[row["study_id"]]: row["arm"] for row in rows(archive(tiny, tmp_path), "allocations.csv")}
    assert told == arms


def test_archive_tells_the_randomization_numbers_where_the_list_has_them(db, tmp_path):
    trial = imported_trial("elsewhere")
    by = make_user("statistician", trial=trial)
    seal_lists(trial=trial, by=by, imported=list_file(codes=True), now=NOW)
    by = make_user("coordinator", trial=trial)
    for _number in range(2):
        allocate(participant=make_verified_participant(trial, by=by), by=by, now=NOW)
    close(trial)
    folder = archive(trial, tmp_path)
    assert "All 2 allocations follow the list." in check(folder)
    assert [row["code"] for row in rows(folder, "allocations.csv")] == ["7", "14"]


THIRD_ARM = """[[arms]]
key = "third"
name = { nb = "Tredje", en = "Third" }
description = { nb = "x.", en = "y." }

"""
MORE_SITES = "".join(f'[[sites]]\nkey = "s{at}"\nname = "S{at}"\ncluster = true\n\n' for at in range(3))


def three_arms(method):
    """Changes to the tiny protocol: 2:1:1, and for whole sites a site more for each unit of the ratio."""
    changes = {
        old: new.replace(RATIO, "ratio = { talk = 2, usual = 1, third = 1 }").replace("[4, 6]", "[4, 8]")
        for old, new in by_method(method).items()
    }
    sites = MORE_SITES if "clusters" in method else ""
    return changes | {'[[sites]]\nkey = "north"\n': f'{THIRD_ARM}{sites}[[sites]]\nkey = "north"\n'}


@pytest.mark.parametrize(
    "method", ["simple", "permuted_blocks", "minimization", "imported_list", "complete_clusters"]
)
def test_three_arms_in_unequal_shares_go_from_the_protocol_to_the_proof(db, tmp_path, method):
    trial = make_trial(changes=three_arms(method))
    seal_list(trial=trial, statistician=make_user("statistician", trial=trial), now=NOW)
    randomize(trial, 9)
    assert verify(trial).allocations == 9
    close(trial)
    folder = archive(trial, tmp_path)
    assert "All 9 allocations follow the list." in check(folder)
    design = json.loads((folder / "design.json").read_text())
    assert design["ratio"] == [["talk", 2], ["usual", 1], ["third", 1]]


def test_archive_of_minimization_proves_every_decision(db, tmp_path):
    trial = make_trial("minimized", changes=MINIMIZED)
    run(trial, 9)
    close(trial)
    folder = archive(trial, tmp_path)
    assert "All 9 allocations follow the list." in check(folder)
    assert "code" not in rows(folder, "allocations.csv")[0]
    assert {row["level:site"] for row in rows(folder, "allocations.csv")} == {"north", "south"}


def test_archive_of_paired_sites_proves_itself(db, tmp_path):
    trial = make_trial("pairs", changes=PAIRS)
    run(trial, 4)
    close(trial)
    folder = archive(trial, tmp_path)
    assert "All 4 allocations follow the list." in check(folder)
    assert [row["site"] for row in rows(folder, "sites.csv")] == ["north", "south"]


def test_archive_of_a_late_site_proves_itself(db, tmp_path):
    trial = make_trial("late", changes=by_method("stratified_clusters"))
    run(trial, 2)
    (west,) = join_sites(trial, "stratified_clusters", "west", group="one")
    by = make_user("coordinator", trial=trial)
    allocate_late_site(site=west, by=by, now=NOW)
    allocate(participant=make_verified_participant(trial, west, by=by), by=by, now=NOW)
    close(trial)
    folder = archive(trial, tmp_path)
    assert "All 3 allocations follow the list." in check(folder)
    assert [row["stratum"] for row in rows(folder, "sites.csv")] == ["group=one", "group=one", "late=one"]


def test_only_a_revealed_trial_is_archived(sealed, tmp_path):
    with pytest.raises(NotRevealed):
        archive(sealed, tmp_path)
    with pytest.raises(NotSealed):
        archive(make_trial("other"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_reading_of_the_arms_is_recorded(sealed, tmp_path):
    close(sealed)
    archive(sealed, tmp_path)
    read = ReadEvent.objects.get()
    assert (read.what, read.reason, read.fields) == ("arms of tiny", "closing archive", ["arm"])


def test_same_trial_gives_the_same_bytes_for_the_owners_eyes_only(sealed, tmp_path):
    close(sealed)
    for name in ("one.zip", "two.zip"):
        write_closing_archive(trial=sealed, target=tmp_path / name, now=NOW)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    assert stat.S_IMODE((tmp_path / "one.zip").stat().st_mode) == 0o600


def test_nothing_is_written_over_and_nothing_half_is_left(sealed, tmp_path, monkeypatch):
    close(sealed)
    target = tmp_path / "closing.zip"
    target.write_text("mine")
    with pytest.raises(FileExistsError):
        write_closing_archive(trial=sealed, target=target, now=NOW)
    assert target.read_text() == "mine"

    target.unlink()
    monkeypatch.setattr("randomization.archive.verifier", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_closing_archive(trial=sealed, target=target, now=NOW)
    assert list(tmp_path.iterdir()) == []
    assert not ReadEvent.objects.exists()


def test_command_says_what_it_wrote_or_why_not(sealed, tmp_path):
    target = tmp_path / "closing.zip"
    with pytest.raises(CommandError, match="not been revealed"):
        call_command("randomization", "archive", "tiny", str(target))
    close(sealed)
    out = io.StringIO()
    call_command("randomization", "archive", "tiny", str(target), stdout=out)
    assert str(target) in out.getvalue()
    with pytest.raises(CommandError, match="exists"):
        call_command("randomization", "archive", "tiny", str(target))
    with pytest.raises(CommandError, match="was not written"):
        call_command("randomization", "archive", "tiny", str(tmp_path / "nowhere" / "closing.zip"))
