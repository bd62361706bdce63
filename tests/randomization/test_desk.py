"""The statistician's desk, the public commitment and the command: they tell everything but an arm."""

import os
import subprocess
import sys
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse
from django.utils.translation import override

from randomization.models import ListExtension, Place, SealedList
from randomization.services import allocate
from tests.factories import NOW, make_trial, make_user, make_verified_participant, seal
from tests.randomization.imported import list_file
from tests.randomization.test_allocation import PAIRS
from trial.protocol.models import Trial

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery staple"


@pytest.fixture
def statistician(tiny):
    return make_user("statistician", trial=tiny, email="stat@example.org", password=PASSWORD)


@pytest.fixture
def desk(client, statistician):
    client.force_login(statistician)
    client.cookies["django_language"] = "en"
    return client


def address(name, trial, *more):
    return reverse(f"randomization:{name}", args=[trial.slug, *more])


def test_statistician_seals_with_the_password(desk, tiny):
    assert "No list is sealed yet" in desk.get(address("desk", tiny)).content.decode()
    wrong = desk.post(address("seal", tiny), {"password": "wrong"})
    assert "This is not your password" in wrong.content.decode()
    assert not SealedList.objects.exists()

    page = desk.post(address("seal", tiny), {"password": PASSWORD}, follow=True)
    sealed = SealedList.objects.get()
    assert sealed.commitment in page.content.decode()


def test_second_seal_leads_back_to_the_first(desk, sealed):
    first = SealedList.objects.get().commitment
    page = desk.post(address("seal", sealed), {"password": PASSWORD}, follow=True)
    assert "A sealed list is never made again" in page.content.decode()
    assert SealedList.objects.get().commitment == first


@pytest.mark.parametrize("role", ["coordinator", "trial_manager", "researcher", "monitor"])
def test_desk_is_closed_to_who_meets_participants_or_is_blinded(client, sealed, role):
    client.force_login(make_user(role, trial=sealed, password=PASSWORD))
    assert client.get(address("desk", sealed)).status_code == 404
    assert client.post(address("seal", sealed), {"password": PASSWORD}).status_code == 404


def test_statistician_of_another_trial_finds_nothing(desk, tiny):
    other = make_trial("other")
    assert desk.get(address("desk", other)).status_code == 404
    assert desk.post(address("seal", other), {"password": PASSWORD}).status_code == 404
    assert not SealedList.objects.exists()


def test_desk_shows_how_much_is_used_and_the_same_for_every_arm(desk, sealed, coordinator):
    for _ in range(2):
        allocate(participant=make_verified_participant(sealed, by=coordinator), by=coordinator, now=NOW)
    counts = desk.get(address("desk", sealed)).context["counts"]
    assert [count.used for _name, count in counts] == [2, 0, 0, 0]


def test_desk_says_strata_and_factors_in_the_protocols_words(desk, sealed):
    page = desk.get(address("desk", sealed)).content.decode()
    for words in ("North, Body", "South, Mind", "Balanced by: What troubles you most?", "Balanced by: Site"):
        assert words in page
    assert "site=north" not in page


def test_pairs_are_told_by_the_names_of_their_sites(client):
    pairs = make_trial("pairs", changes=PAIRS)
    client.force_login(make_user("statistician", trial=pairs))
    client.cookies["django_language"] = "en"
    assert "North, South" in client.get(address("desk", pairs)).content.decode()
    seal(pairs)
    page = client.get(address("commitment", pairs)).content.decode()
    assert "which site of each pair" in page
    assert "order of the groups" not in page


def test_commitment_is_public_before_the_first_participant(client, sealed):
    page = client.get(address("commitment", sealed)).content.decode()
    assert SealedList.objects.get().commitment in page.replace("</span><span>", "")
    assert "docs/randomization-list.md" in page


def test_commitment_page_says_when_there_is_none(client, tiny):
    client.cookies["django_language"] = "en"
    assert "No list is sealed yet" in client.get(address("commitment", tiny)).content.decode()
    assert client.get(reverse("randomization:commitment", args=["nowhere"])).status_code == 404


def test_no_table_of_randomization_holds_a_readable_arm(sealed, coordinator):
    allocate(participant=make_verified_participant(sealed, by=coordinator), by=coordinator, now=NOW)
    tables = ("sealedlist", "stratum", "place", "clusterallocation", "allocation")
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT row_to_json(t)::text FROM randomization_{table} t")
            for (row,) in cursor.fetchall():
                row = row.replace('["talk", 1]', "").replace('["usual", 1]', "")  # the design names the arms
                assert "talk" not in row
                assert "usual" not in row
        cursor.execute(
            "SELECT coalesce(old::text, '') || new::text FROM audit_event WHERE table_name ~ '^randomization'"
        )
        for (row,) in cursor.fetchall():
            row = row.replace('["talk", 1]', "").replace('["usual", 1]', "")
            assert "talk" not in row
            assert "usual" not in row
    assert len({len(bytes(arm)) for arm in Place.objects.values_list("content", flat=True)}) == 1


def test_trial_without_a_protocol_in_force_has_no_desk(client):
    Trial.objects.create(slug="draft")
    client.force_login(make_user("statistician", trial=Trial.objects.get()))
    assert client.get(reverse("randomization:desk", args=["draft"])).status_code == 404
    assert client.get(reverse("randomization:commitment", args=["draft"])).status_code == 404


def run(*arguments):
    out = StringIO()
    call_command("randomization", *arguments, stdout=out)
    return out.getvalue()


def test_command_seals_in_the_statisticians_name_and_verifies(tiny, statistician, coordinator):
    assert "Commitment: " in run("seal", "tiny", "--by", "stat@example.org")
    assert SealedList.objects.get().sealed_by == statistician
    allocate(participant=make_verified_participant(tiny, by=coordinator), by=coordinator, now=NOW)
    told = run("verify", "tiny")
    assert "Everything agrees: 4 strata" in told
    assert "1 allocations" in told
    assert "talk" not in told
    assert "usual" not in told


def test_command_refuses_a_coordinator_an_unknown_trial_and_an_unsealed_one(tiny, coordinator):
    for arguments in (
        ("seal", "tiny", "--by", coordinator.email),
        ("seal", "nowhere", "--by", coordinator.email),
        ("verify", "tiny"),
    ):
        with pytest.raises(CommandError):
            run(*arguments)
    assert not SealedList.objects.exists()


def test_command_speaks_the_language_of_the_shell_whatever_the_servers(tiny, statistician):
    run("seal", "tiny", "--by", statistician.email)
    with override("nb"), pytest.raises(CommandError, match="is already sealed"):
        run("seal", "tiny", "--by", statistician.email)


def test_command_says_in_one_sentence_that_the_database_is_down(tmp_path):
    nobody = "postgresql://tilbake_app@127.0.0.1:1/tilbake"
    done = subprocess.run(
        [sys.executable, "manage.py", "randomization", "verify", "tiny"],
        env=os.environ | {"DATABASE_URL": nobody, "TILBAKE_VAR": str(tmp_path)},
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    (said,) = done.stderr.splitlines()
    assert said.startswith("CommandError: The database does not answer: ")


def test_command_refuses_a_file_for_a_list_made_here_and_says_which_option_is_missing(
    tiny, statistician, tmp_path
):
    file = tmp_path / "mine.csv"
    file.write_bytes(list_file())
    by = ("--by", statistician.email)
    with pytest.raises(CommandError, match="made here, and not elsewhere"):
        run("seal", "tiny", *by, "--list", str(file))
    assert not SealedList.objects.exists()
    run("seal", "tiny", *by)
    with pytest.raises(CommandError, match="Give --places"):
        run("extend", "tiny", *by)
    with pytest.raises(CommandError, match="made here, and not elsewhere"):
        run("extend", "tiny", *by, "--places", "80", "--list", str(file))
    assert not ListExtension.objects.exists()
