"""Reads the settings that a server is given from outside, and stops the start when one is missing or weak."""

import os


class SettingError(SystemExit):
    """Ends any program that reads the settings, with one sentence and no traceback."""


PRODUCTION = os.environ.get("TILBAKE_ENV", "demo") == "production"


def required(name: str, *, hint: str, otherwise: str) -> str:
    """The variable's value; outside production `otherwise` when it is not set.

    Raises SettingError when production lacks it.
    """
    value = os.environ.get(name, "")
    if value or not PRODUCTION:
        return value or otherwise
    raise SettingError(f"The setting {name} is missing: set it to {hint}.")


def secret(name: str, *, minimum: int, otherwise: str) -> str:
    """A secret of at least `minimum` characters that is not made of a few repeated ones."""
    value = required(name, hint=f"a random secret of at least {minimum} characters", otherwise=otherwise)
    if PRODUCTION and (len(value) < minimum or len(set(value)) < 10):
        raise SettingError(
            f"The setting {name} is too weak: set it to a random secret of at least {minimum} characters, "
            "for example from `openssl rand -base64 48`."
        )
    return value


def words(name: str, *, hint: str, otherwise: str) -> list[str]:
    """A comma-separated list."""
    return [
        word.strip() for word in required(name, hint=hint, otherwise=otherwise).split(",") if word.strip()
    ]
