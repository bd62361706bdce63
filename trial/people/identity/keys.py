"""The keys of the identity vault: from the environment, or made once in `var/keys`."""

import base64
import os
import secrets
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

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
    written = getattr(settings, setting, "") or _kept(settings.KEYS_DIR / file_name)
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


def _kept(path: Path) -> str:
    """The key file's text; the first process that asks makes it, whole or not at all."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(new_key() + "\n")
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    if path.stat().st_mode & 0o077:
        raise ImproperlyConfigured(
            f"Others can read the keys in {path}: run `chmod 600 {path}` and start again."
        )
    return path.read_text()
