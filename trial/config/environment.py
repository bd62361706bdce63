"""Reads the settings that a server is given from outside, and stops the start when one is missing or weak.

A refusal names the setting and what to set it to, never the value: logs are read by many.
"""

import base64
import os
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import dj_database_url


class SettingError(SystemExit):
    """Ends any program that reads the settings, with one sentence and no traceback."""

    def __init__(self, name: str, problem: str, hint: str) -> None:
        super().__init__(f"The setting {name} {problem}: set it to {hint}.")


def _production() -> bool:
    named = os.environ.get("TILBAKE_ENV", "demo")
    if named not in ("demo", "production"):
        raise SettingError("TILBAKE_ENV", "is not known", "production on a server, or unset it for the demo")
    return named == "production"


PRODUCTION = _production()
Fits = Callable[[str], bool]


def required(name: str, *, hint: str, otherwise: str, fits: Fits = bool) -> str:
    """The variable's value; outside production any value does, and `otherwise` when it is not set.

    Raises SettingError when production lacks it, or when its value does not fit there.
    """
    value = os.environ.get(name, "")
    if not PRODUCTION:
        return value or otherwise
    if not value:
        raise SettingError(name, "is missing", hint)
    if not fits(value):
        raise SettingError(name, "cannot be used", hint)
    return value


def words(written: str) -> list[str]:
    """A comma-separated list."""
    return [word.strip() for word in written.split(",")]


def port(name: str, *, otherwise: int) -> int:
    """Raises SettingError for what is no number of a port, in the demo too."""
    value = os.environ.get(name) or str(otherwise)
    if value not in map(str, range(1, 2**16)):
        raise SettingError(name, "cannot be used", f"the number of a port, such as {otherwise}")
    return int(value)


def database(name: str, **options: Any) -> dict[str, Any]:
    """Django's settings of the PostgreSQL database at this address; `options` as for `dj_database_url.parse`.

    Raises SettingError for what is no such address, in the demo too.
    """
    hint = "postgresql://ROLE:PASSWORD@HOST/DATABASE with a password of hex digits, or percent-encoded"
    value = required(name, hint=hint, otherwise="postgresql:///tilbake")
    try:
        settings = dict(dj_database_url.parse(value, **options))
    except ValueError:
        settings = {}
    if not (re.match("postgres(ql)?://", value) and settings.get("NAME")):
        raise SettingError(name, "cannot be used", hint)
    return settings


def each(fits: Fits) -> Fits:
    """Every word of a comma-separated list fits, and none is empty."""
    return lambda written: all(map(fits, words(written)))


def strong(minimum: int) -> Fits:
    """So many characters, not made of a few repeated ones."""
    return lambda written: len(written) >= minimum and len(set(written)) * 5 >= minimum


def is_key(written: str) -> bool:
    """32 random bytes in base64: of so many, hardly any come twice."""
    try:
        key = base64.b64decode(written, validate=True)
    except ValueError:
        return False
    return len(key) == 32 and len(set(key)) >= 16


def is_host(written: str) -> bool:
    """One host, or with a dot in front all of a domain; never every host there is."""
    return re.fullmatch(r"\.?[\w-]+(\.[\w-]+)*|\[[0-9a-fA-F:]+\]", written) is not None


def address(*schemes: str) -> Fits:
    """An address with one of these schemes and a host."""

    def fits(written: str) -> bool:
        try:
            parts = urlsplit(written)
            return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        except ValueError:  # a port that is no number
            return False

    return fits
