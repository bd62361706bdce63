"""The SMS provider of a rehearsal: in memory, behind the same interface as the real one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from trial.messaging.gateways import Sent


@dataclass(frozen=True)
class Delivered:
    """A text that has reached a simulated phone."""

    message_id: UUID
    to: str
    body: str


class Phones:
    """Takes every message at once and keeps it until the simulated people look at their phones."""

    at_once = 1

    def __init__(self) -> None:
        self._waiting: list[Delivered] = []
        self._sent = 0

    def send(self, *, message_id: UUID, to: str, body: str) -> Sent:
        self._waiting.append(Delivered(message_id, to, body))
        self._sent += 1
        return Sent(f"rehearsal-{message_id}")

    def find(self, *, to: str, body: str, since: datetime) -> Sequence[Sent]:
        return []

    def take(self) -> list[Delivered]:
        """What has come since the last look."""
        taken, self._waiting = self._waiting, []
        return taken
