"""Seals what must not be read from the database: AES-256-GCM-SIV with keys that only this app holds.

`RANDOMIZATION_KEY` holds one or several random secrets, newest first and separated by commas. Everything is
sealed under the first and opened under the one that it names. What is sealed is bound to its table, row and
field: a sealed arm that is moved to another place does not open.
"""

import hashlib
import hmac
import os
from functools import cache
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from django.conf import settings
from django.utils.translation import gettext as _

from randomization.errors import ListDamaged

_KEY_ID_BYTES = 4
_NONCE_BYTES = 12
_PLACE_BYTES = 64
_START = 1 + _KEY_ID_BYTES
_VERSION = b"\x01"


def seal(value: bytes, *, table: str, row: str, field: str) -> bytes:
    """Version, key id, nonce and ciphertext."""
    key_id, cipher = next(iter(_keys(settings.RANDOMIZATION_KEY).items()))
    nonce = os.urandom(_NONCE_BYTES)
    return _VERSION + key_id + nonce + cipher.encrypt(nonce, value, _bound_to(table, row, field))


def unseal(sealed: bytes, *, table: str, row: str, field: str) -> bytes:
    """Raises ListDamaged when the value was changed or moved, or its key is gone."""
    cipher = _keys(settings.RANDOMIZATION_KEY).get(sealed[1:_START])
    nonce, ciphertext = sealed[_START : _START + _NONCE_BYTES], sealed[_START + _NONCE_BYTES :]
    try:
        if sealed[:1] == _VERSION and cipher:
            return cipher.decrypt(nonce, ciphertext, _bound_to(table, row, field))
    except (InvalidTag, ValueError):
        pass
    raise ListDamaged(_("something sealed was changed, or its key is missing"))


def seal_place(content: str, *, list_id: UUID, stratum: str, position: int) -> bytes:
    """Bound to its place, and padded so that the length of what is sealed does not tell the arm."""
    padded = content.encode().ljust(_PLACE_BYTES, b"\0")
    return seal(padded, table="place", row=f"{list_id}/{stratum}/{position}", field="arm")


def unseal_place(sealed: bytes, *, list_id: UUID, stratum: str, position: int) -> str:
    """Raises ListDamaged when the content was changed or moved to another place."""
    padded = unseal(sealed, table="place", row=f"{list_id}/{stratum}/{position}", field="arm")
    return padded.rstrip(b"\0").decode()


def _bound_to(*names: str) -> bytes:
    return "|".join(names).encode()


@cache
def _keys(configured: str) -> dict[bytes, AESGCMSIV]:
    """Key id (the start of the secret's hash) to cipher; the newest first."""
    secrets = [secret.strip().encode() for secret in configured.split(",")]
    return {_hash(b"id", secret)[:_KEY_ID_BYTES]: AESGCMSIV(_hash(b"key", secret)) for secret in secrets}


def _hash(purpose: bytes, secret: bytes) -> bytes:
    return hmac.digest(secret, b"tilbake-randomization-" + purpose, hashlib.sha256)
