"""Each program of docker-compose.yml, run as there with settings of production; no Docker needed."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.production import ROOT, compose, filled_in
from trial.config.embedded import OWNER, free_port, running_redis

pytestmark = pytest.mark.timeout(300)
SERVICES = compose(filled_in())["services"]


@pytest.fixture(scope="module")
def servers(django_db_setup, tmp_path_factory):
    """An empty database with its two roles, and a broker: what the containers `postgres` and `redis` give."""
    name, superuser = f"production_{os.getpid()}", os.environ["TEST_SUPERUSER_URL"]
    addresses = {
        variable: re.sub(r"@/\w+", f"@/{name}", os.environ[variable])
        for variable in ("DATABASE_URL", "OWNER_DATABASE_URL")
    }
    with running_redis(tmp_path_factory.mktemp("broker")) as broker:
        _as_superuser(superuser, "CREATE DATABASE {} OWNER {}", name, OWNER)
        yield addresses | {"REDIS_URL": f"{broker}/0"}
        _as_superuser(superuser, "DROP DATABASE {} WITH (FORCE)", name)


def _as_superuser(address, statement, *names):
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@pytest.fixture(scope="module")
def environment_of(servers, tmp_path_factory):
    """The environment of a container: that of the compose file, and what the image sets."""
    data = str(tmp_path_factory.mktemp("data"))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

    def environment_of(name):
        settings = SERVICES[name]["environment"]
        given = {variable: servers.get(variable, value) for variable, value in settings.items()}
        return {"PATH": path, "PYTHONUNBUFFERED": "1", "TILBAKE_VAR": data, **given}

    return environment_of


def program_of(name):
    """The words of a container's command, which is the image's where the compose file names none."""
    if command := SERVICES[name].get("command"):
        return shlex.split(command)
    return json.loads(re.search(r"^CMD (.*)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[1])


def run(name, environment):
    return subprocess.run(
        program_of(name), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240
    )


@pytest.fixture(scope="module")
def migrated(environment_of):
    """The others start when this container has ended well."""
    answer = run("migrate", environment_of("migrate"))
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


@contextmanager
def running(command, environment):
    """The program, which is to end well when it is asked to, as `docker compose stop` does."""
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            said, _ = process.communicate(timeout=60)
            assert process.returncode == 0, said
        finally:
            process.kill()


def wait_until_it_says(process, word):
    said = []
    for line in process.stdout:
        said.append(line)
        if word in line:
            return
    raise AssertionError("".join(said))


def test_migrate_makes_the_tables_and_collects_the_static_files(migrated, environment_of):
    environment = environment_of("migrate")
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT count(*) FROM people_participant").fetchone() == (0,)
    assert (Path(environment["TILBAKE_VAR"]) / "static" / "staticfiles.json").exists()


def test_the_worker_gets_ready_and_ends_when_it_is_asked_to(migrated, environment_of):
    with running(program_of("worker"), environment_of("worker")) as worker:
        wait_until_it_says(worker, " ready.")


def test_beat_wakes_the_first_sweep_and_ends_when_it_is_asked_to(migrated, environment_of):
    with running(program_of("beat"), environment_of("beat")) as beat:
        wait_until_it_says(beat, "Sending due task")


def test_the_pages_pass_the_health_check_of_their_container(migrated, environment_of, eventually):
    port = str(free_port())
    command = [word.replace("8000", port) for word in program_of("web")]
    _, *check = [word.replace("8000", port) for word in SERVICES["web"]["healthcheck"]["test"]]
    environment = environment_of("web")

    def healthy():
        return subprocess.run(check, env=environment, capture_output=True).returncode == 0

    with running(command, environment):
        eventually(healthy, 120)
    assert not healthy()


@pytest.mark.parametrize("name", ["migrate", "web", "worker", "beat"])
def test_a_wrong_setting_ends_every_program_with_one_sentence(environment_of, name):
    answer = run(name, environment_of(name) | {"EMAIL_PORT": "nonsense"})
    assert answer.returncode != 0
    assert answer.stderr.startswith("The setting EMAIL_PORT cannot be used")
    assert len(answer.stderr.strip().splitlines()) == 1
