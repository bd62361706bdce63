"""Who people are, sealed apart from everything else that is known about them."""

from trial.people.identity import vault
from trial.people.identity.indexes import blind_index
from trial.people.identity.normalise import (
    NotReadable,
    name_for_comparison,
    normalise_email,
    normalise_name,
    normalise_phone,
    normalise_postal_code,
    spaced_phone,
)
from trial.people.identity.numbers import NotAnIdentityNumber, normalise_identity_number

__all__ = [
    "NotAnIdentityNumber",
    "NotReadable",
    "blind_index",
    "name_for_comparison",
    "normalise_email",
    "normalise_identity_number",
    "normalise_name",
    "normalise_phone",
    "normalise_postal_code",
    "spaced_phone",
    "vault",
]
