"""The keys of the identity vault: from the environment, or made once in `var/keys`."""

import base64
import secrets
from dataclasses import dataclass, field
from functools import cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from trial.core.kept import kept_secret

KEY_BYTES = 32


@dataclass(frozen=True)
class KeyRing:
    """Sealing keys, the first of which writes and all of which read, and the key that blind indexes derive
    from."""

    sealing: tuple[bytes, ...] = field(repr=False)
    index: bytes = field(repr=False)


@cache
def key_ring() -> KeyRing:
    """The installation's keys. Raises ImproperlyConfigured with one sentence where they are missing or
    unsafe."""
    return KeyRing(
        sealing=_keys("IDENTITY_KEYS", "identity_keys"),
        index=_keys("IDENTITY_INDEX_KEY", "identity_index_key")[0],
    )


@cache
def derived(purpose: str) -> bytes:
    """An own 32-byte key for one purpose (HKDF-SHA256, RFC 5869), so that equal values in two fields
    differ."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode()).derive(
        key_ring().index
    )


def forget() -> None:
    """Read the keys anew at the next use, after they were changed."""
    key_ring.cache_clear()
    derived.cache_clear()


def new_key() -> str:
    """A random sealing key as it is written into the environment or the key file."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def _keys(setting: str, file_name: str) -> tuple[bytes, ...]:
    written = getattr(settings, setting, "") or kept_secret(settings.KEYS_DIR / file_name, new_key)
    keys = tuple(_decoded(key, setting) for key in written.replace("\n", ",").split(",") if key.strip())
    if not keys:
        raise ImproperlyConfigured(f"{setting} holds no key: set it to a key of 32 random bytes in base64.")
    return keys


def _decoded(written: str, setting: str) -> bytes:
    try:
        key = base64.b64decode(written.strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ImproperlyConfigured(
            f"A key in {setting} is not 32 bytes in base64; `openssl rand -base64 32` makes one that is."
        )
    return key
