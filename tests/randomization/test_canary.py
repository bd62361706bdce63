"""No reader finds the next arm: two worlds that differ in nothing else look the same to every reader.

The database has two roles, the owner and the application; none is there for reports. A backup is what the
superuser reads, and so all that any role for reports could be let read.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.views.debug import ExceptionReporter

from randomization.errors import ListDamaged
from randomization.models import Place, Stratum
from randomization.verification import verify
from tests import servers
from tests.factories import make_trial, seal
from tests.randomization.small_twins import KINDS
from tests.randomization.twins import CANARIES, COMING, GIVEN, ROOMS, STRATUM, twin_seeds
from trial.protocol.selectors import active_protocol

ROOT = Path(__file__).parents[2]


BLOCKS = "permuted_blocks"
"""The world that has something in every room; the other designs have smaller ones."""


@pytest.fixture(scope="module", params=[BLOCKS, *KINDS])
def twins(request, django_db_setup, redis_url, tmp_path_factory):
    """What can be read in the two worlds, and what nobody can read: the arms that are given and that come."""
    directory = tmp_path_factory.mktemp("twins")
    if request.param == BLOCKS:
        pair = read_twins(directory, rooms=ROOMS)
        return [one | {"arms": one["contents"][STRATUM][: GIVEN + COMING]} for one in pair]
    kind = KINDS[request.param]
    pair = worlds(directory, [("small_twins", request.param, seed) for seed in kind.seeds()])
    return [one | {"arms": kind.arms(one["contents"])} for one in pair]


def read_twins(directory, *, rooms):
    seeds = twin_seeds(agree=GIVEN, differ=COMING)
    return worlds(directory, [("twins", " ".join(rooms), seed) for seed in seeds])


def worlds(directory, made_by):
    files = []
    server, _slash, number_of_worker = os.environ["REDIS_URL"].rpartition("/")
    for number, (module, *arguments) in enumerate(made_by):
        with servers.another(f"twin_{os.getpid()}_{number}") as (application, owner, superuser):
            environment = {
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "tests.settings",
                "DATABASE_URL": application,
                "OWNER_DATABASE_URL": owner,
                "TEST_SUPERUSER_URL": superuser,
                "REDIS_URL": f"{server}/{15 - int(number_of_worker)}",
                "PYTHONHASHSEED": "0",
            }
            file = directory / f"{number}.json"
            command = ["-W", "ignore", "-m", f"tests.randomization.{module}", *arguments, str(file)]
            subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, check=True)
        files.append(json.loads(file.read_text()))
    return files


def test_the_worlds_agree_on_what_is_given_and_are_opposite_in_what_comes(twins):
    one, other = (twin["arms"] for twin in twins)
    given = len(one) - COMING
    assert one[:given] == other[:given]
    assert [arm for arm in range(given, given + COMING) if one[arm] == other[arm]] == []
    assert {*one} == {*other} == {*CANARIES.values()}


def test_no_reader_can_tell_the_worlds_apart(twins):
    """Tables, pages of every role, exports, e-mail, log, queues, cache, what the workers give back; and the
    whole database as the superuser copies it for a backup."""
    assert_alike(twins)
    kinds = {name.split()[0] for name in twins[0]["seen"]}
    assert kinds == {"table", "page", "export", "result", "redis", "log", "e-mail", "backup"}


def assert_alike(twins):
    one, other = (twin["seen"] for twin in twins)
    assert one.keys() == other.keys()
    assert {name for name in one if one[name] != other[name]} == set()


@pytest.mark.heavy
@pytest.mark.timeout(1800)
def test_no_page_at_all_tells_the_worlds_apart(django_db_setup, tmp_path):
    assert_alike(read_twins(tmp_path, rooms=()))


def test_a_backup_names_arms_where_the_protocol_stands_and_nowhere_else(twins):
    """No row connects a person or a place with an arm; the superuser sees what any role would."""
    for twin in twins:
        rows = [row for row in twin["dump"].split("\nINSERT INTO public.")[1:] if has_canary(row)]
        assert {"audit_event", DESIGN[0]} <= {row.split()[0] for row in rows} <= {"audit_event", *DESIGN}
        trail = [row for row in rows if row.startswith("audit_event ")]
        assert [row for row in trail if not any(f"'{table}'" in row for table in DESIGN)] == []


DESIGN = ("protocol_protocolversion", "randomization_designreport", "randomization_sealedlist")
"""Where the design stands, which names the arms and their ratio."""


def test_no_log_queue_result_or_e_mail_names_an_arm(twins):
    for twin in twins:
        assert not has_canary(twin["whole log"])
        told = {name: text for name, text in twin["seen"].items() if name.split()[0] not in NAME_ARMS}
        assert [name for name, text in told.items() if has_canary(text)] == []


NAME_ARMS = ("table", "page", "export", "backup")
"""The design is shown to the statistician, and every export brings its codebook; the twins tell no more."""


def has_canary(text):
    return any(canary in text for canary in CANARIES.values())


@pytest.mark.django_db
def test_what_is_sealed_tells_nothing_by_its_length_or_by_repeating_itself():
    seal(make_trial())
    sealed = [bytes(content) for content in Place.objects.values_list("content", flat=True)]
    assert len(sealed) >= 4 * 40
    assert len({len(content) for content in sealed}) == 1
    assert len({content[NONCE] for content in sealed}) == len(sealed)
    assert len({content[NONCE.stop :] for content in sealed}) == len(sealed)


NONCE = slice(5, 17)
"""After the version and the key's id."""


SENT = {"name": "Kari Eksempel"}


@pytest.mark.django_db
def test_an_error_report_shows_no_arm_even_where_the_whole_list_was_in_memory(rf, settings):
    trial = make_trial()
    seal(trial)
    Stratum.objects.filter(key=STRATUM).update(used=1)
    request = rf.post("/", SENT)
    request.user = None
    with pytest.raises(ListDamaged) as caught:
        verify(trial)
    reporter = ExceptionReporter(request, caught.type, caught.value, caught.tb)
    secret = [*active_protocol(trial).randomization.ratio, *SENT.values(), settings.RANDOMIZATION_KEY]
    for report in (reporter.get_traceback_html(), reporter.get_traceback_text()):
        assert "verification.py" in report
        assert [word for word in secret if word in report] == []
