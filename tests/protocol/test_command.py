"""The command ends with 0 or with one clear sentence, never with a traceback."""

import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from shutil import copytree

import pytest
from django.core.management import CommandError, call_command

from tests.factories import TINY, make_user
from trial.people.models import Site
from trial.protocol.models import Activation, ProtocolVersion

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path):
    return Path(copytree(TINY.parent, tmp_path / "protocols")) / "tiny.toml"


def change(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def run(*words):
    out = StringIO()
    call_command("protocol", *map(str, words), stdout=out)
    return out.getvalue()


def test_check_says_that_nothing_is_wrong(file):
    assert "tiny 1.0: 2 sites, 2 instruments, nb, en. Nothing is wrong." in run("check", file)


def test_check_lists_every_mistake_with_file_and_line(file):
    change(file, "[4, 6]", "[2, 6]")
    change(file.parent / "instruments" / "wellbeing.toml", 'method = "sum"', 'method = "som"')
    change(file, 'tick = "sms"', 'tik = "sms"')
    with pytest.raises(CommandError) as refused:
        run("check", file)
    lines = str(refused.value).splitlines()
    assert any(line.startswith(f"{file}:") and "weekly.tik" in line for line in lines)
    assert any(line.startswith(f"{file.parent}/instruments/wellbeing.toml:") for line in lines)
    assert lines[-1].endswith("Nothing was stored.")


def test_check_suggests_an_instrument_of_the_folder_that_the_protocol_does_not_use_yet(file):
    (file.parent / "instruments" / "gad7.toml").write_text("")
    change(file, 'instrument = "wellbeing"', 'instrument = "gad"')
    with pytest.raises(CommandError, match=r"no file instruments/gad\.toml .*did you mean “gad7”\?"):
        run("check", file)
    change(file, 'instrument = "gad"', 'instrument = "xyz"')
    with pytest.raises(CommandError, match="known: background, gad7, wellbeing"):
        run("check", file)


def test_check_of_a_file_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        run("check", tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes("å".encode("latin-1"))
    with pytest.raises(CommandError, match="not UTF-8"):
        run("check", tmp_path / "latin.toml")


def test_load_and_activate_put_a_protocol_in_force_with_its_sites(file):
    assert "Loaded tiny@1.0, SHA-256 " in run("load", file)
    manager = make_user()
    assert "with 2 sites" in run("activate", "tiny", "1.0", "--by", manager.email)
    assert Activation.objects.get().by == f"user:{manager.pk}"
    assert {site.key for site in Site.objects.all()} == {"north", "south"}


def test_load_refuses_a_file_with_mistakes(file):
    change(file, "[4, 6]", "[2, 6]")
    with pytest.raises(CommandError, match="Nothing was stored"):
        run("load", file)
    assert not ProtocolVersion.objects.exists()


def test_an_amendment_needs_a_reason_and_another_version(file):
    run("load", file)
    change(file, "target = 400", "target = 9")
    with pytest.raises(CommandError, match="new version"):
        run("load", file)
    change(file, 'version = "1.0"', 'version = "1.1"')
    with pytest.raises(CommandError, match="Say why"):
        run("load", file)
    assert "tiny@1.1" in run("load", file, "--reason", "One more")


def test_activate_names_the_versions_that_there_are(file):
    run("load", file)
    with pytest.raises(CommandError, match=r"no version 2\.0 loaded\. Loaded: 1\.0\."):
        run("activate", "tiny", "2.0")
    with pytest.raises(CommandError, match="Loaded: none"):
        run("activate", "tny", "1.0")
    with pytest.raises(CommandError, match="Nobody on the staff"):
        run("activate", "tiny", "1.0", "--by", "nobody@example.org")


def test_diff_compares_a_loaded_version_with_a_file_key_by_key(file):
    run("load", file)
    change(file, "target = 400", "target = 9")
    change(file, 'name = "South"', 'name = "South-East"')
    change(file.parent / "instruments" / "wellbeing.toml", 'method = "sum"', 'method = "mean"')
    said = run("diff", "tiny@1.0", file)
    assert "~ target:\n    - 400\n    + 9" in said
    assert "~ sites[south].name:" in said
    assert "~ instruments/wellbeing: scores[wellbeing_total].method:\n    - sum\n    + mean" in said
    assert "3 differences." in said


def test_diff_shows_a_new_part_in_the_middle_as_one_addition(file):
    other = file.parent / "other.toml"
    other.write_text(
        file.read_text().replace(
            '[[sites]]\nkey = "south"', '[[sites]]\nkey = "mid"\nname = "Mid"\n\n[[sites]]\nkey = "south"'
        )
    )
    said = run("diff", file, other)
    assert "+ sites[mid].name: Mid" in said
    assert "south" not in said


def test_diff_shows_only_the_lines_of_a_long_text_that_differ(file):
    other = file.parent / "other.toml"
    other.write_text(file.read_text().replace("- You get one text message", "- You get two text messages"))
    said = run("diff", file, other)
    assert (
        "~ about.en:\n    - - You get one text message a week.\n    + - You get two text messages a week.\n"
        in said
    )
    assert "A small trial" not in said


def test_diff_ends_quietly_when_whoever_reads_has_seen_enough(file):
    other = file.parent / "other.toml"
    other.write_text(file.read_text().replace("target = 400", "target = 9"))
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "django", "protocol", "diff", file, other]
    ended = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_a_version_does_not_differ_from_itself(file):
    assert "0 differences." in run("diff", file, file)
