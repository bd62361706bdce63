"""The statistician seals, proposes, approves and extends on pages and in the shell."""

import logging
from hashlib import sha256

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError

from randomization.models import ListExtension, Place, SealedList, SealProposal, Stratum
from randomization.services import allocate
from tests.factories import NOW, make_trial, make_user, make_verified_participant, seal
from tests.randomization.imported import TWO_PERSONS, blinded_files, imported_trial, list_file
from tests.randomization.test_allocation import PAIRS
from tests.randomization.test_desk import PASSWORD, address, run

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(client):
    client.cookies["django_language"] = "en"

    def log_in(trial, role="statistician"):
        user = make_user(role, trial=trial, password=PASSWORD)
        client.force_login(user)
        return user

    client.log_in = log_in
    return client


def upload(raw):
    return SimpleUploadedFile("list.csv", raw, content_type="text/csv")


def send(client, name, trial, *more, **fields):
    return client.post(address(name, trial, *more), {"password": PASSWORD} | fields, follow=True)


def text(page):
    return page.content.decode()


# --- imported lists ---


def test_statistician_seals_the_file_that_is_chosen(desk):
    trial = imported_trial()
    desk.log_in(trial)
    page = text(desk.get(address("seal", trial)))
    assert "Imported list: it is made elsewhere" in page
    assert "site=north;complaint=body,1,talk,101" in page
    assert "redcap_randomization_group,redcap_randomization_number,redcap_data_access_group" in page

    page = send(desk, "seal", trial, list=upload(list_file()))
    assert SealedList.objects.get().commitment in text(page)
    assert Place.objects.count() == 16


def test_every_defect_stands_on_the_page_and_nothing_of_the_list_in_logs(desk, caplog):
    trial = imported_trial()
    desk.log_in(trial)
    bad = list_file().replace(b"usual", b"placebo", 1).replace(b"mind,4", b"mind,5", 1)
    with caplog.at_level(logging.DEBUG):
        page = send(desk, "seal", trial, list=upload(bad))
    assert page.status_code == 200
    assert "Row 3, column arm: “placebo” is not known." in text(page)
    assert "Row 9, column position: Before this row, position 4" in text(page)
    assert "placebo" not in caplog.text
    assert not SealedList.objects.exists()
    assert not list(page.context["messages"])


def test_blinded_table_is_sealed_with_its_key(desk, caplog):
    trial = imported_trial()
    desk.log_in(trial)
    table, key = blinded_files()
    page = text(send(desk, "seal", trial, list=upload(table)))
    assert "or choose the key too" in page
    bad = key.replace(b"talk", b"placebo", 1).replace(b"code", b"number", 1)
    assert "In the key: Row 1, column code: This column is missing." in text(
        send(desk, "seal", trial, list=upload(table), key=upload(bad))
    )
    with caplog.at_level(logging.DEBUG):
        bad = key.replace(b"talk", b"placebo", 1)
        page = text(send(desk, "seal", trial, list=upload(table), key=upload(bad)))
    assert "In the key: Row 2, column arm: “placebo” is not known." in page
    assert "placebo" not in caplog.text
    page = text(send(desk, "seal", trial, list=upload(list_file()), key=upload(key)))
    assert "Leave the key away." in page
    assert not SealedList.objects.exists()
    send(desk, "seal", trial, list=upload(table), key=upload(key))
    table, key = blinded_files(first=5, last=8)
    send(desk, "extend", trial, list=upload(table), key=upload(key), seen=0)
    assert Place.objects.count() == 32


def test_blinded_table_and_its_key_are_proposed_and_approved(desk):
    trial = imported_trial(**TWO_PERSONS)
    desk.log_in(trial)
    table, key = blinded_files(last=3)
    send(desk, "seal", trial, list=upload(table), key=upload(key), as_it_is="on")
    desk.log_in(trial)
    proposal = SealProposal.objects.get()
    page = desk.get(address("approve", trial, proposal.pk))
    assert [places for _stratum, places in page.context["file"]] == [3, 3, 3, 3]
    send(desk, "approve", trial, proposal.pk)
    assert Place.objects.count() == 12


def test_file_and_password_are_asked_for(desk):
    trial = imported_trial()
    desk.log_in(trial)
    assert "Choose a CSV file" in text(send(desk, "seal", trial))
    page = send(desk, "seal", trial, list=upload(list_file()), password="wrong")
    assert "This is not your password" in text(page)
    assert not SealedList.objects.exists()


def test_an_empty_file_and_a_missing_password_are_asked_for_in_our_words(desk):
    trial = imported_trial()
    desk.log_in(trial)
    page = text(send(desk, "seal", trial, list=upload(b""), key=upload(b""), password=""))
    assert page.count("This file is empty. Choose another one.") == 4  # each in the summary and at its field
    assert "Write your password." in page


def test_a_number_of_places_is_asked_for_in_our_words(desk, sealed):
    desk.log_in(sealed)
    for places, told in (("", "Write a whole number."), ("0", "Write 1 or more.")):
        assert told in text(send(desk, "extend", sealed, places=places, seen=0))


def test_file_that_is_too_large_is_not_taken_to_the_disk(desk, settings):
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 1000
    trial = imported_trial()
    desk.log_in(trial)
    assert "at most 2.5 MB" in text(send(desk, "seal", trial, list=upload(list_file(last=40))))


def test_short_list_is_sealed_only_by_who_says_so(desk):
    trial = imported_trial()
    desk.log_in(trial)
    short = list_file(last=3)
    page = send(desk, "seal", trial, list=upload(short))
    assert "Fewer places than the protocol plans (4)" in text(page)
    assert not SealedList.objects.exists()
    send(desk, "seal", trial, list=upload(short), as_it_is="on")
    assert SealedList.objects.exists()


# --- two persons ---


def test_one_proposes_and_another_one_approves(desk):
    trial = make_trial(changes=TWO_PERSONS)
    first = desk.log_in(trial)
    assert "Another statistician can approve" in text(send(desk, "seal", trial))
    proposal = SealProposal.objects.get()
    waiting = text(desk.get(address("desk", trial)))
    assert "waits for another statistician" in waiting
    assert address("approve", trial, proposal.pk) not in waiting
    assert "Your password" not in text(desk.get(address("approve", trial, proposal.pk)))
    send(desk, "approve", trial, proposal.pk)
    assert not SealedList.objects.exists()

    second = desk.log_in(trial)
    page = text(desk.get(address("desk", trial)))
    assert address("approve", trial, proposal.pk) in page
    assert first.name in page
    assert "This is not your password" in text(send(desk, "approve", trial, proposal.pk, password="wrong"))
    send(desk, "approve", trial, proposal.pk)
    assert SealedList.objects.get().sealed_by == second
    assert "no longer waits" in text(send(desk, "approve", trial, proposal.pk))


def test_approver_sees_how_many_places_a_file_has_and_not_what_they_hold(desk):
    trial = imported_trial(**TWO_PERSONS)
    desk.log_in(trial)
    told = send(desk, "seal", trial, list=upload(list_file(last=3)), as_it_is="on")
    number = sha256(list_file(last=3)).hexdigest()
    recognised = f'12 rows. SHA-256 of the file: <code class="tb-hash">{number}</code>'
    assert recognised in text(told)
    assert "waits for another statistician" in text(told)
    proposal = SealProposal.objects.get()
    desk.log_in(trial)
    page = desk.get(address("approve", trial, proposal.pk))
    assert [places for _stratum, places in page.context["file"]] == [3, 3, 3, 3]
    assert recognised in text(page)
    assert "North, Body" in text(page)
    assert "Fewer places than the protocol plans" in text(page)
    send(desk, "approve", trial, proposal.pk)
    assert Place.objects.count() == 12


@pytest.mark.parametrize("role", ["coordinator", "trial_manager", "monitor", "researcher"])
def test_nobody_else_approves_or_extends(desk, role):
    trial = make_trial(changes=TWO_PERSONS)
    desk.log_in(trial)
    send(desk, "seal", trial)
    desk.log_in(trial, role)
    assert send(desk, "approve", trial, SealProposal.objects.get().pk).status_code == 404
    assert send(desk, "extend", trial, places=80, seen=0).status_code == 404
    desk.log_in(make_trial("other"))
    assert send(desk, "approve", trial, SealProposal.objects.get().pk).status_code == 404
    assert not SealedList.objects.exists()


# --- more places ---


def test_desk_warns_at_four_fifths_and_leads_to_more_places(desk):
    trial = make_trial(
        "short", changes={"places_per_stratum = 40": "places_per_stratum = 5", "[4, 6]": "[6]"}
    )
    seal(trial)
    by = make_user("coordinator", trial=trial)
    desk.log_in(trial)
    for _ in range(4):
        allocate(participant=make_verified_participant(trial, by=by), by=by, now=NOW)
    assert "nearly used up" not in text(desk.get(address("desk", trial)))
    allocate(participant=make_verified_participant(trial, by=by), by=by, now=NOW)
    assert "add places in time" in text(desk.get(address("desk", trial)))
    allocate(participant=make_verified_participant(trial, by=by), by=by, now=NOW)
    page = text(desk.get(address("desk", trial)))
    assert "A list is used up" in page
    assert address("extend", trial) in page

    page = text(send(desk, "extend", trial, places=12, seen=0))
    assert ListExtension.objects.get().commitment in page
    assert set(Stratum.objects.values_list("places", flat=True)) == {12}
    assert "add places in time" not in page


def test_second_click_on_more_places_adds_nothing(desk, sealed):
    desk.log_in(sealed)
    send(desk, "extend", sealed, places=80, seen=0)
    assert "meanwhile" in text(send(desk, "extend", sealed, places=90, seen=0))
    assert "Ask for more than now" in text(send(desk, "extend", sealed, places=50, seen=1))
    assert ListExtension.objects.count() == 1


def test_second_file_makes_an_imported_list_longer(desk):
    trial = imported_trial()
    desk.log_in(trial)
    send(desk, "seal", trial, list=upload(list_file()))
    page = send(desk, "extend", trial, list=upload(list_file()), seen=0)
    assert "are sealed already: the next one is 5" in text(page)
    send(desk, "extend", trial, list=upload(list_file(first=5, last=8)), seen=0)
    assert Place.objects.count() == 32


def test_second_file_is_proposed_and_approved(desk):
    trial = imported_trial(**TWO_PERSONS)
    desk.log_in(trial)
    send(desk, "seal", trial, list=upload(list_file()))
    desk.log_in(trial)
    send(desk, "approve", trial, SealProposal.objects.get().pk)
    page = text(send(desk, "extend", trial, list=upload(list_file(first=5, last=8)), seen=0))
    assert "Places that the file adds" in page
    desk.log_in(trial)
    send(desk, "approve", trial, SealProposal.objects.latest("pk").pk)
    assert ListExtension.objects.get().proposal == SealProposal.objects.latest("pk")


def test_sites_and_unsealed_trials_have_no_page_for_more_places(desk, tiny):
    desk.log_in(tiny)
    assert desk.get(address("extend", tiny)).status_code == 404
    pairs = make_trial("pairs", changes=PAIRS)
    seal(pairs)
    desk.log_in(pairs)
    assert desk.get(address("extend", pairs)).status_code == 404
    assert address("extend", pairs) not in text(desk.get(address("desk", pairs)))


# --- the shell ---


def test_commands_seal_a_file_and_make_it_longer(tmp_path):
    trial = imported_trial()
    by = make_user("statistician", trial=trial).email
    file, more = tmp_path / "list.csv", tmp_path / "more.csv"
    file.write_bytes(list_file(last=3))
    more.write_bytes(list_file(first=4, last=8))
    with pytest.raises(CommandError, match="--as-it-is"):
        run("seal", "tiny", "--by", by, "--list", str(file))
    assert "Commitment: " in run("seal", "tiny", "--by", by, "--list", str(file), "--as-it-is")
    with pytest.raises(CommandError, match="Rows 2, 3, 4, column position"):
        run("extend", "tiny", "--by", by, "--list", str(file))
    assert "32 places from now on" in run("extend", "tiny", "--by", by, "--list", str(more))
    with pytest.raises(CommandError, match="cannot be read"):
        run("extend", "tiny", "--by", by, "--list", str(tmp_path / "none.csv"))


def test_commands_take_a_blinded_table_with_its_key(tmp_path):
    two = imported_trial("two", **TWO_PERSONS)
    trial = imported_trial()
    by = make_user("statistician", trial=trial).email
    files = [tmp_path / name for name in ("list.csv", "key.csv", "more.csv", "more-key.csv")]
    for file, raw in zip(files, [*blinded_files(), *blinded_files(first=5, last=8)], strict=True):
        file.write_bytes(raw)
    table, key, more, more_key = map(str, files)
    with pytest.raises(CommandError, match="or choose the key too"):
        run("seal", "tiny", "--by", by, "--list", table)
    with pytest.raises(CommandError, match="column redcap_randomization_number: This"):
        run("seal", "tiny", "--by", by, "--list", table, "--key", more_key)
    run("seal", "tiny", "--by", by, "--list", table, "--key", key)
    with pytest.raises(CommandError, match="In the key: "):
        run("extend", "tiny", "--by", by, "--list", more, "--key", key)
    assert "32 places from now on" in run("extend", "tiny", "--by", by, "--list", more, "--key", more_key)
    by = make_user("statistician", trial=two).email
    assert "Proposed" in run("propose", "two", "--by", by, "--list", table, "--key", key)


def test_commands_propose_and_extend_by_number(tiny):
    two = make_trial("two", changes=TWO_PERSONS)
    by = make_user("statistician", trial=two).email
    with pytest.raises(CommandError, match="another one approves"):
        run("seal", "two", "--by", by)
    assert "Proposed" in run("propose", "two", "--by", by)
    seal(tiny)
    by = make_user("statistician", trial=tiny).email
    assert "places from now on" in run("extend", "tiny", "--by", by, "--places", "90")
    with pytest.raises(CommandError, match="may not"):
        run("extend", "tiny", "--by", make_user("coordinator", trial=tiny).email, "--places", "99")
