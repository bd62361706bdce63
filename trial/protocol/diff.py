"""What differs between two versions of a protocol, key by key."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any

from pydantic import BaseModel

from trial.protocol.checks.problems import PROTOCOL
from trial.protocol.reading import Study

NAMES = ("key", "slug", "value", "occasion", "instrument")
"""Keys by which the parts of a list are told apart, so that a new one in the middle is one difference."""


@dataclass(frozen=True)
class Difference:
    """A key that is new (`old` is None), gone (`new` is None) or changed."""

    source: str
    path: str
    old: str | None
    new: str | None

    @property
    def place(self) -> str:
        return self.path if self.source == PROTOCOL else f"instruments/{self.source}: {self.path}"

    def __str__(self) -> str:
        if self.old is None:
            return f"+ {self.place}: {self.new}"
        if self.new is None:
            return f"- {self.place}: {self.old}"
        return "\n    ".join([f"~ {self.place}:", *_changed_lines(self.old, self.new)])


def _changed_lines(old: str, new: str) -> list[str]:
    """The lines that are gone and those that are new: of a long text only these."""
    _from, _to, *lines = unified_diff(old.split("\n"), new.split("\n"), n=0, lineterm="")
    return [f"{line[0]} {line[1:]}" for line in lines if line[0] in "+-"]


def differences(old: Study, new: Study) -> list[Difference]:
    """All that was added, removed or changed, in the order of the old files, then of the new ones."""
    found = list(_between(PROTOCOL, flat(old.protocol), flat(new.protocol)))
    for key in dict.fromkeys([*old.instruments, *new.instruments]):
        before = flat(old.instruments[key]) if key in old.instruments else {}
        after = flat(new.instruments[key]) if key in new.instruments else {}
        found += _between(key, before, after)
    return found


def tells_design(path: str) -> bool:
    """Whether a key of the protocol says how the lists are made: who meets participants may not read it."""
    return path.startswith("randomization")


def _between(source: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Difference]:
    for path in dict.fromkeys([*old, *new]):
        if old.get(path) != new.get(path):
            yield Difference(source, path, old.get(path), new.get(path))


def flat(part: BaseModel) -> dict[str, str]:
    """Every value under its path; parts of a list by their name: `arms[team].name.nb`."""
    return dict(_flat(part.model_dump(mode="json", exclude_none=True), ""))


def _flat(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        for number, inner in enumerate(value):
            yield from _flat(inner, f"{path}[{_name(inner, number)}]")
    elif isinstance(value, list):
        yield path, ", ".join(map(str, value))
    else:
        yield path, str(value)


def _name(part: dict[str, Any], number: int) -> str:
    return next((str(part[name]) for name in NAMES if name in part), str(number))
