"""Seals what tells who a person is, so that a stolen database tells nothing.

AES-256-GCM-SIV (RFC 8452) under the newest key of the ring. A sealed value is

    version (1 byte) | key id (4) | nonce (12) | ciphertext and tag

and is bound to `table|row|field`: moved to another row or column it does not open. The key id is the start
of the key's SHA-256, so no one has to number keys.

A model that keeps sealed columns names them in `sealed = ("name", …)` and uses `seal_into` and `open_of`;
then `manage.py identity rotate` finds them.
"""

import hashlib
import secrets
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from django.db.models import Model

from trial.people.identity import keys

VERSION = 1
KEY_ID_BYTES = 4
NONCE_BYTES = 12
_HEADER_BYTES = 1 + KEY_ID_BYTES + NONCE_BYTES


class CannotOpen(Exception):
    """A sealed value was changed, moved, or sealed with a key that this installation does not hold."""


def seal(text: str, *, table: str, row: object, field: str) -> bytes:
    """The text, readable only with our keys and only in this place."""
    key = keys.key_ring().sealing[0]
    nonce = secrets.token_bytes(NONCE_BYTES)
    ciphertext = _cipher(key).encrypt(nonce, text.encode(), _place(table, row, field))
    return bytes([VERSION]) + _key_id(key) + nonce + ciphertext


def open_(blob: bytes, *, table: str, row: object, field: str) -> str:
    """The text that was sealed for this place. Raises CannotOpen for anything else."""
    blob = bytes(blob)
    if len(blob) <= _HEADER_BYTES or blob[0] != VERSION:
        raise CannotOpen(f"{table}.{field} of {row} is not a sealed value.")
    nonce, ciphertext = blob[1 + KEY_ID_BYTES : _HEADER_BYTES], blob[_HEADER_BYTES:]
    key = _key_by_id().get(key_id_of(blob))
    if key is None:
        raise CannotOpen(f"{table}.{field} of {row} was sealed with a key that IDENTITY_KEYS does not hold.")
    try:
        return _cipher(key).decrypt(nonce, ciphertext, _place(table, row, field)).decode()
    except InvalidTag:
        raise CannotOpen(f"{table}.{field} of {row} was changed or moved from another place.") from None


def seal_into(instance: Model, field: str, text: str) -> None:
    """Seal the text into a column of a row whose primary key is known already."""
    setattr(instance, field, seal(text, table=instance._meta.db_table, row=instance.pk, field=field))


def open_of(instance: Model, field: str) -> str:
    """The text sealed in a column of this row; empty where there is none."""
    blob = getattr(instance, field)
    return "" if blob is None else open_(blob, table=instance._meta.db_table, row=instance.pk, field=field)


def key_id_of(blob: bytes) -> bytes:
    """Which key sealed this."""
    return bytes(blob[1 : 1 + KEY_ID_BYTES])


def newest_key_id() -> bytes:
    """The key that writes now."""
    return _key_id(keys.key_ring().sealing[0])


def _place(table: str, row: object, field: str) -> bytes:
    return f"{table}|{row}|{field}".encode()


@cache
def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()[:KEY_ID_BYTES]


@cache
def _cipher(key: bytes) -> AESGCMSIV:
    return AESGCMSIV(key)


def _key_by_id() -> dict[bytes, bytes]:
    return {_key_id(key): key for key in keys.key_ring().sealing}
