"""The public commitment, on screen and on paper, and the reveal when the trial is over."""

import hashlib
import io
import re
import subprocess
import sys

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.urls import reverse
from django.utils import translation

from randomization.commitment_pdf import commitment_pdf
from randomization.errors import NotExtended, NotOver, NotSealed
from randomization.models import Reveal, SealedList
from randomization.services import allocate, extend_lists, reveal_list
from tests.factories import NOW, lock_data, make_trial, make_user, make_verified_participant, seal
from tests.pdfs import text_of
from tests.randomization.test_allocation import PAIRS
from trial.protocol.models import TrialStatus
from trial.protocol.services import set_trial_status

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery staple"


@pytest.fixture
def statistician(tiny):
    return make_user("statistician", trial=tiny, email="stat@example.org", password=PASSWORD)


@pytest.fixture
def over(sealed):
    lock_data(sealed)
    return sealed


def address(name, *arguments):
    return reverse(f"randomization:{name}", args=["tiny", *arguments])


def shown(client, language="en"):
    client.cookies["django_language"] = language
    page = client.get(address("commitment")).content.decode()
    return re.sub(r"<[^>]*>", "", page.replace("</span><span>", ""))


def revealed(trial, by):
    return reveal_list(trial=trial, by=by, now=NOW)


# --- in advance ---


def test_commitment_tells_what_to_write_down_and_nothing_of_blocks(client, sealed):
    list_ = SealedList.objects.get()
    page = shown(client)
    for told in (
        list_.commitment,
        list_.protocol_version.sha256,
        "NCT00000000",
        "The University of Examples",
    ):
        assert told in page
    assert "Lists4" in page
    assert "block" not in page.lower()
    assert "list.txt" not in page


def test_commitment_on_paper_is_one_page_with_the_number_and_lines_to_sign(client, sealed):
    answer = client.get(address("commitment_pdf"))
    assert answer["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF")
    text, pages = read(answer.content)
    list_ = SealedList.objects.get()
    assert pages == 1
    squeezed = "".join(text.split())
    for told in (list_.commitment, list_.protocol_version.sha256):
        assert told in squeezed
    for told in ("Tiny trial", "NCT00000000", "The University of Examples", "2 March 2026", "Signature"):
        assert told in text
    assert "block" not in text.lower()


def read(pdf):
    """(text, number of pages) as Poppler reads it."""
    text = text_of(pdf)
    return text, text.count("\f")


def test_paper_speaks_the_pages_language_and_is_the_same_each_time(sealed):
    list_ = SealedList.objects.get()
    with translation.override("nb"):
        first, second = (commitment_pdf(list_, language="nb") for _ in range(2))
    assert first == second
    assert "Bitte liten studie" in read(first)[0]


def test_longer_list_shows_its_own_commitment_beside_the_first(client, sealed, statistician):
    extension = extend_lists(trial=sealed, by=statistician, now=NOW, places_per_stratum=60)
    page = shown(client)
    assert SealedList.objects.get().commitment in page
    assert extension.commitment in page.replace(" ", "")
    assert read(client.get(address("commitment_pdf")).content)[1] == 2


def test_without_a_sealed_list_there_is_no_paper_and_no_file(client, tiny):
    assert client.get(address("commitment_pdf")).status_code == 404
    assert client.get(address("revealed", "verify_list.py")).status_code == 404


def test_cluster_trial_says_that_sites_were_drawn(client):
    trial = make_trial(changes=PAIRS)
    seal(trial)
    assert "which site of each pair comes into which group" in shown(client)


# --- the reveal ---


def test_desk_offers_no_more_places_once_the_data_are_final_and_says_when_the_list_became_public(
    client, over, statistician
):
    client.force_login(statistician)
    client.cookies["django_language"] = "en"
    page = client.get(address("desk")).content.decode()
    assert "More places" not in page
    assert "The list is public" not in page
    assert client.get(address("extend")).status_code == 404
    revealed(over, statistician)
    assert "The list is public" in client.get(address("desk")).content.decode()


def test_list_is_not_revealed_before_the_lock(sealed, statistician):
    for status in (None, TrialStatus.Name.CLOSED):
        if status:
            set_trial_status(trial=sealed, name=status, by="system:test", now=NOW)
        with pytest.raises(NotOver):
            revealed(sealed, statistician)
    assert not Reveal.objects.exists()


def test_trial_without_a_list_has_nothing_to_reveal(tiny, statistician):
    lock_data(tiny)
    with pytest.raises(NotSealed):
        revealed(tiny, statistician)


def test_second_reveal_is_the_first(over, statistician):
    first = revealed(over, statistician)
    assert revealed(over, make_user("statistician", trial=over)) == first
    assert Reveal.objects.get().by == statistician


def test_reveal_is_never_taken_back(over, statistician):
    revealed(over, statistician)
    for statement in ("DELETE FROM randomization_reveal", "UPDATE randomization_reveal SET at = now()"):
        with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
            connection.cursor().execute(statement)


def test_revealed_list_is_never_made_longer(over, statistician):
    revealed(over, statistician)
    with pytest.raises(NotExtended):
        extend_lists(trial=over, by=statistician, now=NOW, places_per_stratum=60)


def test_statistician_reveals_with_the_password(client, over, statistician):
    client.force_login(statistician)
    assert "Reveal the list" in client.get(address("desk")).content.decode()
    wrong = client.post(address("reveal"), {"password": "wrong"})
    assert "This is not your password" in wrong.content.decode()
    assert not Reveal.objects.exists()

    page = client.post(address("reveal"), {"password": PASSWORD}, follow=True)
    assert "anybody can check it now" in page.content.decode()
    assert Reveal.objects.get().by == statistician
    assert "The list is revealed" in client.get(address("reveal")).content.decode()
    assert "Reveal the list" not in client.get(address("desk")).content.decode()


def test_page_says_why_it_is_too_early(client, sealed, statistician):
    client.force_login(statistician)
    page = client.get(address("reveal")).content.decode()
    assert "when the trial is closed and its data are locked" in page
    assert "password" not in page
    client.post(address("reveal"), {"password": PASSWORD})
    assert not Reveal.objects.exists()


@pytest.mark.parametrize("role", ["coordinator", "trial_manager", "researcher", "monitor"])
def test_nobody_else_reveals(client, over, role):
    client.force_login(make_user(role, trial=over, password=PASSWORD))
    assert client.get(address("reveal")).status_code == 404
    assert client.post(address("reveal"), {"password": PASSWORD}).status_code == 404
    assert not Reveal.objects.exists()


def test_statistician_of_another_trial_reveals_nothing(client, over):
    client.force_login(make_user("statistician", trial=make_trial("other"), password=PASSWORD))
    assert client.post(address("reveal"), {"password": PASSWORD}).status_code == 404


def test_command_reveals_for_the_statistician_alone(over, statistician):
    with pytest.raises(CommandError, match="may not"):
        call_command("randomization", "reveal", "tiny", "--by", make_user("monitor", trial=over).email)
    out = io.StringIO()
    call_command("randomization", "reveal", "tiny", "--by", "stat@example.org", stdout=out)
    assert "/randomization/tiny/commitment/" in out.getvalue()
    assert Reveal.objects.get().by == statistician


# --- afterwards ---

FILES = ["list.txt", "nonce.txt", "list-1.txt", "nonce-1.txt", "seed.txt"]


def test_no_file_is_there_before_the_reveal(client, over):
    for name in FILES:
        assert client.get(address("revealed", name)).status_code == 404
    assert (
        b"Checks a revealed randomization list" in client.get(address("revealed", "verify_list.py")).content
    )


def test_revealed_places_are_opened_once_for_all_who_ask(client, over, statistician, monkeypatch):
    revealed(over, statistician)
    asked = [client.get(address("revealed", "list.txt")).content]
    monkeypatch.setattr("randomization.commitments.opened", lambda _sealed: 1 / 0)
    asked += [client.get(address("revealed", "list.txt")).content]
    assert asked[0] == asked[1]
    assert client.get(address("revealed", "seed.txt")).status_code == 200


def test_anybody_checks_the_revealed_files_by_the_commands_of_the_page(
    client, sealed, statistician, coordinator, tmp_path
):
    participant = make_verified_participant(sealed, by=coordinator)
    allocate(participant=participant, by=coordinator, now=NOW)
    extend_lists(trial=sealed, by=statistician, now=NOW, places_per_stratum=60)
    lock_data(sealed)
    revealed(sealed, statistician)
    for name in (*FILES, "verify_list.py"):
        answer = client.get(address("revealed", name))
        assert answer["Content-Type"] == "text/plain; charset=utf-8"
        assert name in answer["Content-Disposition"]
        assert participant.study_id.encode() not in answer.content
        (tmp_path / name).write_bytes(answer.content)
    assert client.get(address("revealed", "list-2.txt")).status_code == 404

    commands = re.findall(r"python verify_list\.py [^\n<]+", shown(client))
    assert ["--earlier list.txt" in command for command in commands] == [False, True]
    for command in commands:
        done = subprocess.run(
            [sys.executable, *command.split()[1:]], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "The seed makes this list" in done.stdout
    nonce = bytes.fromhex((tmp_path / "nonce.txt").read_text())
    told = hashlib.sha256(nonce + (tmp_path / "list.txt").read_bytes()).hexdigest()
    assert told == SealedList.objects.get().commitment
