"""The production path, on machines that may have no Docker."""

import os
import subprocess
import sys

import pytest

from tests.production import ROOT, compose, filled_in

SECRETS = ("SECRET_KEY", "IDENTITY_KEYS", "IDENTITY_INDEX_KEY", "RANDOMIZATION_KEY", "TWILIO_AUTH_TOKEN")


def web_environment(tmp_path, **changes):
    settings = compose(filled_in())["services"]["web"]["environment"] | changes
    return {"PATH": os.environ["PATH"], "TILBAKE_VAR": str(tmp_path), **settings}


def run(command, environment):
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )


@pytest.fixture(scope="module")
def services():
    return compose(filled_in())["services"]


def test_the_settings_pass_djangos_deployment_checks(tmp_path):
    answer = run(["manage.py", "check", "--deploy", "--fail-level", "WARNING"], web_environment(tmp_path))
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize(
    "name", ["SECRET_KEY", "DATABASE_URL", "REDIS_URL", "ALLOWED_HOSTS", "IDENTITY_KEYS"]
)
def test_a_missing_setting_stops_the_start_with_one_sentence(tmp_path, name):
    answer = run(["manage.py", "check"], web_environment(tmp_path, **{name: ""}))
    assert answer.returncode != 0
    assert answer.stderr.startswith(f"The setting {name} is missing")
    assert len(answer.stderr.strip().splitlines()) == 1


def test_a_weak_secret_stops_the_start(tmp_path):
    answer = run(["manage.py", "check"], web_environment(tmp_path, SECRET_KEY="a" * 60))
    assert answer.returncode != 0
    assert "The setting SECRET_KEY is too weak" in answer.stderr


def test_an_address_without_tls_stops_the_start(tmp_path):
    answer = run(
        ["manage.py", "check"], web_environment(tmp_path, PUBLIC_BASE_URL="http://trial.example.org")
    )
    assert answer.returncode != 0
    assert "https://" in answer.stderr


def test_no_container_but_the_migration_connects_as_the_owner_of_the_tables(services):
    owners = {
        name for name, service in services.items() if "OWNER_DATABASE_URL" in service.get("environment", {})
    }
    assert owners == {"migrate"}


def test_no_log_of_requests_ties_addresses_to_what_somebody_does_or_searches_for():
    assert "--access-logfile" not in (ROOT / "Dockerfile").read_text()
    assert "log" not in (ROOT / "docker" / "Caddyfile").read_text()


def test_every_setting_of_the_compose_file_stands_in_the_example(services):
    example = (ROOT / "docker" / "example.env").read_text()
    assert all(f"{name}=" in example for name in filled_in())


def test_redis_keeps_its_queue_on_disk_and_the_proxy_is_the_only_way_in(services):
    assert "--appendonly yes" in services["redis"]["command"]
    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]


def test_secrets_stand_in_no_image_and_no_committed_file(services):
    image = (ROOT / "Dockerfile").read_text()
    example = dict(
        line.split("=", 1)
        for line in (ROOT / "docker" / "example.env").read_text().splitlines()
        if "=" in line and not line.startswith("#")
    )
    assert not any(name in image for name in SECRETS)
    assert not any(example.get(name) for name in SECRETS)


@pytest.mark.parametrize(
    ("service", "arguments"),
    [
        ("worker", ["-m", "celery", "--app", "trial.config", "report"]),
        ("beat", ["-m", "celery", "--app", "trial.config", "report"]),
        ("web", ["-m", "gunicorn", "--check-config", "trial.config.wsgi"]),
    ],
)
def test_each_program_of_a_container_loads_with_the_same_settings(tmp_path, services, service, arguments):
    program = str(services[service].get("command", "gunicorn trial.config.wsgi"))
    assert program.split()[0] == arguments[1]
    answer = run(arguments, web_environment(tmp_path))
    assert answer.returncode == 0, answer.stderr
