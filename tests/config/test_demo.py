"""`make demo` as its user meets it: one command, one table, Ctrl-C."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.production import ROOT
from trial.config.embedded import SUPERVISOR, free_port

GIVEN = ("DATABASE_URL", "OWNER_DATABASE_URL", "REDIS_URL", SUPERVISOR)
SECONDS = 15
"""Within which a second start is up, on a machine that has nothing else to do."""
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A machine without servers, and with ports of our own."""
    own = {
        "TILBAKE_VAR": str(tmp_path_factory.mktemp("demo")),
        "DJANGO_SETTINGS_MODULE": "trial.config.settings",
    }
    ports = {"WEB_PORT": str(free_port()), "SIMULATOR_PORT": str(free_port())}
    return {name: value for name, value in os.environ.items() if name not in GIVEN} | own | ports


@pytest.fixture(autouse=True)
def nothing_stays(environment):
    yield
    for process in processes_of(environment):
        process.kill()


def demo(environment, *options, **more):
    return subprocess.Popen(
        [sys.executable, "manage.py", "demo", *options],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True, **more,
    )  # fmt: skip


def processes_of(environment):
    """Everything that was started for this demo and still runs: it names the folder, or works in it."""
    var = environment["TILBAKE_VAR"]
    found = []
    for process in psutil.process_iter():
        try:
            ours = process.environ().get("TILBAKE_VAR") == var or process.cwd().startswith(f"{var}/")
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def brokers_of(environment):
    directory = f"{environment['TILBAKE_VAR']}/redis"
    return [p for p in processes_of(environment) if p.name() == "valkey-server" and p.cwd() == directory]


def broker_and_log_of(environment):
    """The broker that runs, and all starts and ends of one on the demo's files so far."""
    [broker] = brokers_of(environment)
    return broker, (Path(environment["TILBAKE_VAR"]) / "redis" / "log").read_text()


def eventually(holds, seconds=60):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def up(process):
    """Read until the table of accounts is there; returns what was printed."""
    printed = ""
    for line in process.stdout:
        printed += line
        if "Ctrl-C ends everything" in line:
            return printed
    raise AssertionError(printed)


def slowness():
    """How many times longer something takes here than on an idle machine, while others work beside it."""
    return max(1, os.getloadavg()[0] / os.cpu_count())


def end(process):
    """Ctrl-C."""
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0


def kill(process):
    process.kill()
    process.wait(timeout=60)
    process.stdout.close()


def visitors_of(environment):
    """How many visitors the embedded database holds."""
    postmaster = Path(environment["TILBAKE_VAR"]) / "postgres" / "postmaster.pid"
    socket_directory = postmaster.read_text().splitlines()[4]
    with psycopg.connect(host=socket_directory, user="postgres", dbname="tilbake") as connection:
        return connection.execute("SELECT count(*) FROM screening_attempt").fetchone()[0]


@pytest.fixture(scope="module")
def checked(environment):
    """The very first start, killed while it rehearsed, and what `--check` says at the second one."""
    killed = demo(environment)
    assert "Rehearsing" in killed.stdout.readline()
    eventually(lambda: visitors_of(environment) > 0)
    kill(killed)

    process = demo(environment, "--check")
    printed, _ = process.communicate(timeout=580)
    return process.returncode, printed


def test_check_makes_up_for_a_killed_start_probes_every_part_and_leaves_nothing_behind(environment, checked):
    code, printed = checked
    assert code == 0, printed
    assert printed.startswith("An earlier start was interrupted. Starting over")
    assert printed.count("Rehearsing") == 2
    for part in ("web", "database", "broker", "worker", "beat", "simulator"):
        assert f"{part:<10} works" in printed
    eventually(lambda: not processes_of(environment))


def test_check_says_which_part_failed(environment, checked):
    state = Path(environment["TILBAKE_VAR"]) / "simulator"
    aside = state.rename(state.with_name("aside"))
    state.write_text("not a directory")
    try:
        process = demo(environment, "--check")
        printed, _ = process.communicate(timeout=120)
    finally:
        state.unlink()
        aside.rename(state)
    assert process.returncode != 0
    assert "simulator stopped (rc=1)" in printed
    assert f"{'simulator':<10} works" not in printed
    eventually(lambda: not processes_of(environment))


def test_the_next_start_is_quick_names_every_role_shuts_out_another_and_ends_with_ctrl_c(
    environment, checked
):
    started = time.monotonic()
    process = demo(environment)
    printed = up(process)
    took = time.monotonic() - started
    assert took < SECONDS * slowness(), f"The second start took {took:.1f} s."
    assert "Rehearsing" not in printed, "The second start should reuse the data."
    for role in ("coordinator@", "researcher@", "expert@", "statistician@", "monitor@"):
        assert role in printed

    before = broker_and_log_of(environment)
    other = demo(environment)
    refusal, _ = other.communicate(timeout=60)
    assert other.returncode != 0
    assert refusal.startswith("A demo is already running from this folder")
    assert f"kill {process.pid}" in refusal
    assert len(refusal.splitlines()) == 1
    assert broker_and_log_of(environment) == before, "The refused one started or ended a server."

    end(process)
    eventually(lambda: not processes_of(environment))


def test_a_killed_demo_heals_at_the_next_start(environment, checked):
    killed = demo(environment)
    up(killed)
    [left] = brokers_of(environment)
    kill(killed)

    process = demo(environment)
    up(process)
    [broker] = brokers_of(environment)
    assert broker != left, "The killed demo's broker should be ended, and not be used."
    end(process)
    eventually(lambda: not processes_of(environment))


def test_a_taken_port_is_named_with_what_to_do(environment, checked):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        process = demo(environment | {"WEB_PORT": port})
        printed, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert f"Port {port} is taken" in printed
    assert "make demo" in printed
    assert "Traceback" not in printed


def test_a_production_installation_refuses_the_demo(tmp_path):
    from tests.config.test_production import run, web_environment

    answer = run(["manage.py", "demo"], web_environment(tmp_path))
    assert answer.returncode != 0
    assert "production installation" in answer.stderr
