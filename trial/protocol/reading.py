"""From the text of protocol and instrument files to frozen types, with every mistake named at once."""

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

from trial.protocol.formats import bring_up
from trial.protocol.schema import Instrument, Protocol


@dataclass(frozen=True)
class Study:
    """A protocol together with the instruments that it uses."""

    protocol: Protocol
    instruments: Mapping[str, Instrument]

    def instruments_at(self, occasion: str) -> list[Instrument]:
        return [self.instruments[key] for key in self.protocol.instruments_at(occasion)]


@dataclass(frozen=True)
class Sources:
    """The text of a protocol file and of the instrument files that it uses, by key."""

    protocol: str
    instruments: Mapping[str, str]
    available: Collection[str] = field(default=(), compare=False)
    """Keys of all instruments in the folder, for the remedy of a misspelt one."""

    @property
    def sha256(self) -> str:
        """One hash over all files: that of a list as `sha256sum` prints it, protocol first, then by key."""
        lines = [f"{_hash(self.protocol)}  protocol\n"]
        lines += [f"{_hash(text)}  {key}\n" for key, text in sorted(self.instruments.items())]
        return _hash("".join(lines))


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def read_sources(path: Path) -> Sources:
    """Read a protocol file and, from the folder `instruments` beside it, the instruments that it names.

    Instruments that are not there are left out; the check reports them. Raises OSError, UnicodeDecodeError.
    """
    text = path.read_text(encoding="utf-8")
    files = {file.stem: file for file in (path.parent / "instruments").glob("*.toml")}
    named = [key for key in _named_instruments(text) if key in files]
    instruments = {key: files[key].read_text(encoding="utf-8") for key in named}
    return Sources(text, instruments, sorted(files))


def _named_instruments(text: str) -> list[str]:
    try:
        uses = tomllib.loads(text).get("instruments", [])
    except tomllib.TOMLDecodeError:
        return []
    named = [use.get("instrument") for use in uses if isinstance(use, dict)] if isinstance(uses, list) else []
    return [key for key in named if isinstance(key, str) and key.isidentifier()]


def study_from(sources: Sources) -> Study:
    """The types of sources that were checked when they were loaded, in the format of that time."""
    protocol = tomllib.loads(sources.protocol)
    instruments = {key: tomllib.loads(text) for key, text in sources.instruments.items()}
    bring_up(protocol, instruments)
    typed = {key: Instrument.model_validate(table) for key, table in instruments.items()}
    return Study(Protocol.model_validate(protocol), MappingProxyType(typed))
