"""Everybody clicks, clients and PostgreSQL are killed without warning, and no allocation is any the worse.

The server is the test's own, and as durable as in production: what was committed is on the disk.
"""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest

from tests.randomization.clients import progress
from trial.config.embedded import APPLICATION, OWNER, StartError, start_postgres

ROOT = Path(__file__).parents[2]
ALLOCATIONS = int(os.environ.get("HEAVY_ALLOCATIONS", "10000"))
CLIENTS = int(os.environ.get("HEAVY_CLIENTS", "64"))


@contextmanager
def own_server():
    """A PostgreSQL that may be killed, with the tables of the test run's template; yields its directory."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as name:
        directory = Path(name) / "postgres"
        postgres = start_postgres(directory)
        try:
            postgres.ensure_database("tilbake")
            copy_template(postgres)
            yield directory, postgres
        finally:
            postgres.server.cleanup()


def copy_template(postgres):
    """Faster than to migrate: the tables come from the template of this test run."""
    programs = Path(psutil.Process(postgres.server.get_pid()).exe()).parent
    template = os.environ["DATABASE_URL"].replace(APPLICATION, "postgres").split("?")
    template = f"{template[0].rpartition('/')[0]}/{os.environ['TEST_TEMPLATE']}?{template[1]}"
    load = [programs / "psql", "--quiet", "--set", "ON_ERROR_STOP=1", postgres.url("tilbake", "postgres")]
    with subprocess.Popen([programs / "pg_dump", "--dbname", template], stdout=subprocess.PIPE) as dump:
        subprocess.run(load, stdin=dump.stdout, stdout=subprocess.DEVNULL, check=True)
    assert dump.returncode == 0


def environment(postgres):
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": postgres.url("tilbake", APPLICATION),
        "OWNER_DATABASE_URL": postgres.url("tilbake", OWNER),
    }


def clients(postgres, *arguments):
    command = [sys.executable, "-W", "ignore", "-m", "tests.randomization.clients", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, env=environment(postgres), stdout=subprocess.PIPE, text=True)


def done(process):
    output, _nothing = process.communicate()
    assert process.returncode == 0
    return output


def crash(postgres, directory):
    """Every process of the server gone at once, in whatever it was doing; then it starts and recovers."""
    main = psutil.Process(postgres.server.get_pid())
    everyone = [main, *main.children(recursive=True)]
    for process in everyone:
        process.kill()
    psutil.wait_procs(everyone, timeout=20)
    for _attempt in range(5):  # on a busy machine recovery takes longer than a start waits
        with suppress(StartError):
            return start_postgres(directory)
    raise AssertionError("PostgreSQL does not come back.")


def test_a_few_clients_and_one_crash_lose_nothing(django_db_setup):
    go_through(allocations=200, number=8, kills=2, crashes=1)


@pytest.mark.heavy
@pytest.mark.timeout(7200)
def test_many_clients_twenty_kills_and_three_crashes_lose_nothing(django_db_setup):
    go_through(allocations=ALLOCATIONS, number=CLIENTS, kills=20, crashes=3)


def go_through(*, allocations, number, kills, crashes):
    with own_server() as (directory, postgres), TemporaryDirectory() as name:
        files = Path(name)
        done(clients(postgres, "prepare", files, allocations))
        started = time.monotonic()
        running = clients(postgres, "run", files, number, kills)
        for crashed in range(crashes):
            goal = 2 * allocations * (crashed + 1) / (crashes + 1)
            while progress(files) < goal and running.poll() is None:
                time.sleep(0.01)
            assert running.poll() is None, "The clients were through before the crash."
            postgres = crash(postgres, directory)
        done(running)
        seconds = time.monotonic() - started
        counted = json.loads(done(clients(postgres, "check", files)))
        assert counted["allocations"] == allocations
        assert counted["shown"] >= 2 * allocations
        print(f"{allocations} allocations, shown {counted['shown']} times, in {seconds:.0f} s")
