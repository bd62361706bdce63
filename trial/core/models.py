"""What every model of Tilbake has in common."""

from dataclasses import dataclass
from typing import ClassVar

from django.db import models


@dataclass(frozen=True)
class Privacy:
    """Names every field of a model once, by what it can reveal.

    identity: tells who the person is (always sealed). health: about health, work or answers.
    pseudonymous: tied to a participant through the study id. open: says nothing about any participant.
    """

    identity: tuple[str, ...] = ()
    health: tuple[str, ...] = ()
    pseudonymous: tuple[str, ...] = ()
    open: tuple[str, ...] = ()

    def fields(self) -> list[str]:
        return [*self.identity, *self.health, *self.pseudonymous, *self.open]


class Model(models.Model):
    """Base of all our tables: each declares its `privacy`, each is watched by the audit trigger."""

    privacy: ClassVar[Privacy]
    audited: ClassVar[bool] = True
    """False only for rows that tell nothing of anybody and change all the time."""
    audit_redact: ClassVar[tuple[str, ...]] = ()
    """Columns whose values the audit trail masks, such as a password hash."""

    class Meta:
        abstract = True
