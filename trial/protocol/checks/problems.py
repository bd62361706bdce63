"""A mistake, and the error that carries all of them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from trial.core.errors import DomainError
from trial.protocol.locate import Path, dotted

PROTOCOL = "protocol"
"""The name of the protocol file among the sources; the others have their instrument's key."""


@dataclass(frozen=True)
class Problem:
    """Something wrong at one place. A `note` deserves a look but does not stop the file from being loaded."""

    path: Path
    what: str
    remedy: str = ""
    source: str = PROTOCOL
    line: int = 1
    note: bool = False

    def __str__(self) -> str:
        return self.under(self.file)

    @property
    def is_in_protocol(self) -> bool:
        return self.source == PROTOCOL

    @property
    def file(self) -> str:
        """The file, seen from the folder of the protocol."""
        return PROTOCOL if self.is_in_protocol else f"instruments/{self.source}.toml"

    def under(self, file: str) -> str:
        """One line: file, line, key path, what is wrong, what would be right."""
        place = f"{dotted(self.path)}: " if self.path else ""
        remedy = f" ({self.remedy})" if self.remedy else ""
        return f"{file}:{self.line}: {place}{self.what}{remedy}"


class ProtocolProblems(DomainError):
    """The files have mistakes; `problems` names them all."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(problems, key=lambda one: (one.source != PROTOCOL, one.source, one.line))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def nearest(word: str, known: Collection[str]) -> str:
    """A remedy for a misspelt name: the nearest one, or all of them when they are few."""
    if close := get_close_matches(word, known, n=1, cutoff=0.6):
        return f"did you mean “{close[0]}”?"
    return f"known: {', '.join(sorted(known))}" if 0 < len(known) <= 12 else ""
