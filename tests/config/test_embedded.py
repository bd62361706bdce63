"""The servers of our own, and what is left where their starter was killed or the power failed."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager

import psutil
import pytest
import redis

from tests.production import ROOT
from trial.config import embedded
from trial.config.embedded import SUPERVISOR, StartError, end_orphans, running_redis, start_postgres

STARTER = """
import os, sys, time
from pathlib import Path
from trial.config.embedded import SUPERVISOR, running_redis
os.environ[SUPERVISOR] = str(os.getpid())
with running_redis(Path(sys.argv[1])) as address:
    print(address, flush=True)
    time.sleep(600)
"""


@contextmanager
def starter(directory):
    """Another process with a Redis-compatible server; yields it, the server and the server's address."""
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, str(directory)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            address = process.stdout.readline().strip()
            [server] = psutil.Process(process.pid).children()
            assert server.name() == "valkey-server"
            yield process, server, address
        finally:
            process.terminate()


def has_ended(process):
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("heard", [True, False], ids=["and its parent knows", "and its parent does not know"])
def test_the_server_of_a_killed_starter_is_ended_at_the_next_start(tmp_path, heard):
    with starter(tmp_path) as (process, server, _):
        process.send_signal(signal.SIGKILL)
        if heard:
            process.wait()
        else:
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        end_orphans()
        assert has_ended(server)


def test_the_server_of_a_living_starter_stays(tmp_path):
    with starter(tmp_path) as (_, server, address):
        end_orphans()
        assert not has_ended(server)
        with redis.Redis.from_url(address) as client:
            assert client.ping()


def test_a_starters_number_that_another_process_has_got_since_saves_no_orphan(monkeypatch, eventually):
    with subprocess.Popen(["sleep", "600"]) as starter:
        mark = {**os.environ, SUPERVISOR: str(starter.pid)}
        with subprocess.Popen(["sleep", "600"], env=mark) as marked:
            try:
                # Popen returns a moment before the kernel shows the new program's environment.
                eventually(lambda: SUPERVISOR in psutil.Process(marked.pid).environ())
                assert not embedded._is_orphan(psutil.Process(marked.pid))
                # As if its starter began long after it. Start times waver by a second, so none is measured.
                monkeypatch.setattr(embedded, "REUSED_SECONDS", -60)
                assert embedded._is_orphan(psutil.Process(marked.pid))
            finally:
                starter.kill()
                marked.kill()


def test_a_damaged_queue_is_named_with_what_to_do(tmp_path):
    with running_redis(tmp_path) as address, redis.Redis.from_url(address) as client:
        client.set("key", "value")
    for file in (tmp_path / "appendonlydir").glob("*.incr.aof"):
        file.write_bytes(b"not a command\n" + file.read_bytes())
    with pytest.raises(StartError, match=f"remove {tmp_path}"), running_redis(tmp_path):
        pass


@pytest.fixture(scope="module")
def postgres_directory(tmp_path_factory):
    return tmp_path_factory.mktemp("embedded") / "postgres"


def starts_of(directory):
    """How often the server with these data was started here, as it noted itself."""
    postgres = start_postgres(directory, throw_away=True)
    try:
        with postgres.connect() as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS start (at timestamptz DEFAULT now())")
            connection.execute("INSERT INTO start DEFAULT VALUES")
            return connection.execute("SELECT count(*) FROM start").fetchone()[0]
    finally:
        postgres.server.cleanup()


def starts_and_stops(directory):
    postgres = start_postgres(directory, throw_away=True)
    try:
        with postgres.connect() as connection:
            assert connection.execute("SHOW max_connections").fetchone() == ("200",)
    finally:
        postgres.server.cleanup()
    return not (directory / "postmaster.pid").exists()


@pytest.mark.parametrize("version", ["", "18\n"], ids=["its first file", "its configuration"])
def test_a_directory_whose_making_was_killed_after_a_file_is_made_anew(postgres_directory, version):
    shutil.rmtree(postgres_directory, ignore_errors=True)
    postgres_directory.mkdir(mode=0o700)
    (postgres_directory / "PG_VERSION").write_text(version)
    if version:
        (postgres_directory / "postgresql.conf").write_text("max_connections = 100\n")
    assert starts_and_stops(postgres_directory)


def test_a_release_with_other_settings_keeps_the_data_of_the_one_before(tmp_path, monkeypatch):
    directory = tmp_path / "postgres"
    assert starts_of(directory) == 1
    monkeypatch.setattr(embedded, "POSTGRES_SETTINGS", "max_connections = 100\n")
    assert starts_of(directory) == 2


def test_after_a_power_cut_nobody_takes_another_program_for_the_server_or_its_user(postgres_directory):
    assert starts_and_stops(postgres_directory)
    with subprocess.Popen(["sleep", "600"]) as other:
        try:
            lines = [other.pid, postgres_directory, 0, 5432, postgres_directory, "", "1 1", "ready"]
            for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
                (postgres_directory / name).write_text("".join(f"{line}\n" for line in lines))
            (postgres_directory / ".handle_pids.json").write_text(f"[{other.pid}]")
            assert starts_and_stops(postgres_directory)
        finally:
            other.kill()
