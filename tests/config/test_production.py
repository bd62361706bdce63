"""The production path, on machines that may have no Docker."""

import base64
import os
import re
import subprocess
import sys

import pytest

from tests.production import ROOT, compose, filled_in, key

SECRETS = ("SECRET_KEY", "IDENTITY_KEYS", "IDENTITY_INDEX_KEY", "RANDOMIZATION_KEY", "TWILIO_AUTH_TOKEN")
REQUIRED = [
    name
    for name, value in compose(filled_in())["services"]["web"]["environment"].items()
    if value and name != "TILBAKE_ENV"
]
KEY = base64.b64encode(bytes(range(32))).decode()
ZEROS = base64.b64encode(bytes(32)).decode()


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


def refusal(environment):
    """The one sentence with which any program ends that reads these settings."""
    answer = run(["manage.py", "check"], environment)
    assert answer.returncode != 0
    assert len(answer.stderr.strip().splitlines()) == 1, answer.stderr
    return answer.stderr


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_setting_stops_the_start_with_one_sentence(tmp_path, name):
    said = refusal(web_environment(tmp_path, **{name: ""}))
    assert said.startswith(f"The setting {name} is missing: set it to ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "a" * 60),
        ("SECRET_KEY", "short-0123456789"),
        ("ALLOWED_HOSTS", "*"),
        ("ALLOWED_HOSTS", "trial.example.org, *"),
        ("PUBLIC_BASE_URL", "http://trial.example.org"),
        ("PUBLIC_BASE_URL", "https://"),
        ("DATABASE_URL", "nonsense"),
        ("DATABASE_URL", "postgresql://tilbake_app:pass/word@postgres/tilbake"),
        ("DATABASE_URL", "postgresql://tilbake_app:password@postgres"),
        ("DATABASE_URL", "mysql://tilbake_app:password@postgres/tilbake"),
        ("OWNER_DATABASE_URL", "nonsense"),
        ("REDIS_URL", "nonsense"),
        ("REDIS_URL", "redis://redis:port/0"),
        ("IDENTITY_KEYS", "nonsense"),
        ("IDENTITY_KEYS", ZEROS),
        ("IDENTITY_KEYS", f"{KEY},{ZEROS}"),
        ("IDENTITY_INDEX_KEY", "nonsense"),
        ("IDENTITY_INDEX_KEY", ZEROS),
        ("RANDOMIZATION_KEY", ZEROS),
        ("RANDOMIZATION_KEY", f"weak,{KEY}"),
        ("TWILIO_AUTH_TOKEN", "nonsense"),
        ("TWILIO_AUTH_TOKEN", "0" * 32),
        ("EMAIL_PORT", "nonsense"),
        ("EMAIL_PORT", "0"),
    ],
)
def test_a_weak_or_unreadable_setting_stops_the_start_and_its_value_is_not_told(tmp_path, name, value):
    said = refusal(web_environment(tmp_path, **{name: value}))
    assert said.startswith(f"The setting {name} cannot be used: set it to ")
    assert "nonsense" not in said
    assert "pass/word" not in said


@pytest.mark.parametrize("value", ["prod", "Production", ""])
def test_an_unknown_kind_of_installation_is_not_taken_for_the_demo(tmp_path, value):
    said = refusal(web_environment(tmp_path, TILBAKE_ENV=value))
    assert said.startswith("The setting TILBAKE_ENV is not known: set it to production on a server")


def test_two_keys_a_whole_domain_and_another_port_are_accepted(tmp_path):
    changes = {
        "IDENTITY_KEYS": f"{KEY}, {key()}",
        "ALLOWED_HOSTS": ".example.org,[::1]",
        "EMAIL_PORT": "25",
        "DATABASE_URL": "postgres://tilbake_app:p%2Fw@postgres:5432/tilbake",
    }
    answer = run(["manage.py", "check"], web_environment(tmp_path, **changes))
    assert answer.returncode == 0, answer.stderr


def test_production_asks_for_a_second_step_shows_no_traceback_and_refuses_test_people(tmp_path):
    names = ("REQUIRE_MFA", "DEBUG", "ACCEPT_TEST_IDENTITY_NUMBERS")
    told = f"from django.conf import settings; print([getattr(settings, name) for name in {names}])"
    environment = web_environment(tmp_path, DJANGO_SETTINGS_MODULE="trial.config.settings")
    answer = run(["-c", told], environment)
    assert answer.stdout.strip() == "[True, False, False]", answer.stderr


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


def test_the_containers_are_those_that_the_guide_explains(services):
    guide = (ROOT / "docs" / "operations.md").read_text().split("## What runs")[1].split("## ")[0]
    assert set(services) == {"proxy", "web", "worker", "beat", "migrate", "redis", "postgres"}
    assert set(services) == set(re.findall(r"^\| `(\w+)` \|", guide, re.MULTILINE))


def test_the_proxy_serves_the_site_with_tls(services):
    """Caddy serves a site that is named without scheme and port on 443, with a certificate."""
    site, _, rules = (ROOT / "docker" / "Caddyfile").read_text().partition("{$SITE_HOST} {")
    assert all(line.startswith("#") for line in site.splitlines() if line)
    assert "reverse_proxy web:8000" in rules
    assert "tls" not in rules
    assert "443:443" in services["proxy"]["ports"]
    assert services["proxy"]["environment"] == {"SITE_HOST": "trial.example.org"}


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


def test_the_version_of_the_code_is_built_into_the_image_and_the_installer_is_told_how(services):
    built = [service["build"]["args"] for service in services.values() if "build" in service]
    assert built == [{"CODE_VERSION": filled_in()["CODE_VERSION"]}] * 4
    assert "ARG CODE_VERSION" in (ROOT / "Dockerfile").read_text()
    guide = (ROOT / "docs" / "operations.md").read_text()
    for heading in ("## Install", "## Upgrade"):
        chapter = guide.split(heading)[1].split("## ")[0]
        assert "CODE_VERSION=$(git describe" in chapter.split("docker compose up")[0]
    with pytest.raises(KeyError, match="CODE_VERSION"):
        compose({name: value for name, value in filled_in().items() if name != "CODE_VERSION"})
