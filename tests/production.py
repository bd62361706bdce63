"""The production settings as docker-compose.yml hands them over, for machines without Docker."""

import base64
import re
import secrets
from pathlib import Path
from typing import Any

import yaml

VARIABLE = re.compile(r"\$\{(\w+)(:\?|:-)?\}")
ROOT = Path(__file__).resolve().parents[1]


def key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def filled_in() -> dict[str, str]:
    """What an installer writes into `.env`."""
    return {
        "SITE_HOST": "trial.example.org",
        "CODE_VERSION": "4235aa2",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "POSTGRES_PASSWORD": secrets.token_hex(24),
        "OWNER_PASSWORD": secrets.token_hex(24),
        "APPLICATION_PASSWORD": secrets.token_hex(24),
        "IDENTITY_KEYS": key(),
        "IDENTITY_INDEX_KEY": key(),
        "RANDOMIZATION_KEY": key(),
        "TWILIO_ACCOUNT_SID": "AC" + secrets.token_hex(16),
        "TWILIO_AUTH_TOKEN": secrets.token_hex(16),
        "TWILIO_FROM": "+4759440000",
        "EMAIL_HOST": "mail.example.org",
        "DEFAULT_FROM_EMAIL": "trial@example.org",
    }


def compose(values: dict[str, str]) -> dict[str, Any]:
    """docker-compose.yml with its `${NAME:?}` and `${NAME:-}` filled in; KeyError names a missing one."""
    return _filled(yaml.safe_load((ROOT / "docker-compose.yml").read_text()), values)


def _filled(node: Any, values: dict[str, str]) -> Any:
    if isinstance(node, dict):
        return {key: _filled(value, values) for key, value in node.items()}
    if isinstance(node, list):
        return [_filled(value, values) for value in node]
    if isinstance(node, str):
        return VARIABLE.sub(
            lambda match: values.get(match[1], "") if match[2] == ":-" else values[match[1]], node
        )
    return node
