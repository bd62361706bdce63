"""The SMS provider of a rehearsal: in memory, behind the same interface as the real one."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from trial.messaging.gateways import Sent


class Phones:
    """Takes every message at once and keeps its id until the simulated people look at their phones."""

    at_once = 1

    def __init__(self) -> None:
        self._waiting: list[UUID] = []

    def send(self, *, message_id: UUID, to: str, body: str) -> Sent:
        self._waiting.append(message_id)
        return Sent(f"rehearsal-{message_id}")

    def find(self, *, to: str, body: str, since: datetime) -> Sequence[Sent]:
        return []

    def take(self) -> list[UUID]:
        """What has come since the last look."""
        taken, self._waiting = self._waiting, []
        return taken
