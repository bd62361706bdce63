"""The consent document: what is shown, what is hashed and what is kept as a copy are one and the same."""

import hashlib
from dataclasses import dataclass

from trial.protocol.schema import Protocol


@dataclass(frozen=True)
class ShownTick:
    key: str
    label: str
    required: bool


@dataclass(frozen=True)
class Document:
    """A consent text in one language, as the participant reads it."""

    trial: str
    registration: str
    version: str
    language: str
    title: str
    text: str
    ticks: tuple[ShownTick, ...]

    @property
    def canonical(self) -> str:
        """As plain text: one form for each content, and a copy that anybody can read and hash."""
        head = [self.trial, self.registration, f"{self.version} ({self.language})", "", f"# {self.title}", ""]
        boxes = [f"[ ] {tick.label}{' *' if tick.required else ''}" for tick in self.ticks]
        return "\n".join([*head, self.text.strip(), "", *boxes]) + "\n"

    @property
    def sha256(self) -> str:
        """Of the canonical form in UTF-8."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()


def consent_document(protocol: Protocol, language: str) -> Document:
    """The protocol's consent text in a language; in the trial's own where it has no such language."""
    chosen = language if language in protocol.languages else protocol.language
    consent = protocol.consent
    return Document(
        trial=protocol.names.in_(chosen),
        registration=protocol.registration,
        version=consent.version,
        language=chosen,
        title=consent.title.in_(chosen),
        text=consent.text.in_(chosen),
        ticks=tuple(ShownTick(tick.key, tick.label.in_(chosen), tick.required) for tick in consent.ticks),
    )
