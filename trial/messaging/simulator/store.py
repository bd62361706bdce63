"""What the simulator remembers: messages, their statuses and opt-outs, in one append-only file.

Each line is one event, flushed as it happens, so that a killed simulator comes back with every conversation.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any, TextIO

FINAL = {"delivered", "undelivered", "failed", "received"}


@dataclass
class Sms:
    """One message in either direction, as Twilio would describe it."""

    sid: str
    direction: str
    sender: str
    to: str
    body: str
    created_at: str
    status: str
    status_callback: str = ""
    service_sid: str | None = None
    sent_at: str | None = None
    updated_at: str = ""
    error_code: int | None = None
    refused: str = ""
    """Why the platform did not take this answer, when all tries of its webhook failed."""

    @property
    def phone(self) -> str:
        """The participant's end of the conversation."""
        return self.sender if self.direction == "inbound" else self.to

    @property
    def platform(self) -> str:
        """The trial's end of the conversation."""
        return self.to if self.direction == "inbound" else self.sender


@dataclass
class Store:
    path: Path
    messages: dict[str, Sms] = field(default_factory=dict)
    opted_out: set[str] = field(default_factory=set)
    _by_phone: dict[str, list[Sms]] = field(default_factory=lambda: defaultdict(list))
    _file: TextIO | None = None

    def __post_init__(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._drop_half_line()
        if self.path.exists():
            with self.path.open(encoding="utf-8") as lines:
                for line in lines:
                    self._apply(json.loads(line))
        self._file = self.path.open("a", encoding="utf-8")

    def add(self, **values: Any) -> Sms:
        moment = _moment()
        sms = Sms(sid="SM" + token_hex(16), created_at=moment, updated_at=moment, **values)
        self._record({"event": "message", **asdict(sms)})
        return self.messages[sms.sid]

    def set_status(self, sms: Sms, status: str, error_code: int | None = None) -> None:
        self._record(
            {"event": "status", "sid": sms.sid, "status": status, "error_code": error_code, "at": _moment()}
        )

    def set_refused(self, sms: Sms, why: str) -> None:
        self._record({"event": "refused", "sid": sms.sid, "why": why})

    def set_opted_out(self, phone: str, opted_out: bool) -> None:
        self._record({"event": "opt_out", "phone": phone, "opted_out": opted_out})

    def conversation(self, phone: str) -> list[Sms]:
        """The messages from and to the phone, oldest first."""
        return self._by_phone.get(phone, [])

    def phones(self) -> list[str]:
        """Every phone seen, the one with the latest message first."""
        return sorted(self._by_phone, key=lambda phone: self._by_phone[phone][-1].created_at, reverse=True)

    def newest_first(self, to: str | None) -> Iterator[Sms]:
        if to is None:
            return reversed(self.messages.values())
        return (sms for sms in reversed(self._by_phone.get(to, [])) if sms.to == to)

    def unfinished(self) -> list[Sms]:
        return [sms for sms in self.messages.values() if sms.status not in FINAL]

    def close(self) -> None:
        if self._file:
            self._file.close()

    def _record(self, event: dict[str, Any]) -> None:
        assert self._file
        self._file.write(json.dumps(event, ensure_ascii=False) + "\n")
        self._file.flush()
        self._apply(event)

    def _apply(self, event: dict[str, Any]) -> None:
        match event.pop("event"):
            case "message":
                sms = Sms(**event)
                self.messages[sms.sid] = sms
                self._by_phone[sms.phone].append(sms)
            case "status":
                sms = self.messages[event["sid"]]
                sms.status, sms.error_code, sms.updated_at = event["status"], event["error_code"], event["at"]
                if sms.status == "sent":
                    sms.sent_at = event["at"]
            case "refused":
                self.messages[event["sid"]].refused = event["why"]
            case "opt_out":
                (self.opted_out.add if event["opted_out"] else self.opted_out.discard)(event["phone"])

    def _drop_half_line(self) -> None:
        """A process killed while writing leaves a line without its end."""
        if not self.path.exists():
            return
        content = self.path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with self.path.open("r+b") as file:
                file.truncate(whole)


def _moment() -> str:
    return datetime.now(UTC).isoformat()
