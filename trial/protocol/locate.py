"""Where in the text of a TOML file each key stands, so that a mistake can be shown on its line."""

import re
from bisect import bisect_right
from itertools import accumulate

Path = tuple[str | int, ...]
"""Keys and positions from the top of the file: ("eligibility", "pages", 0, "title")."""

_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"""[ \t]*(?:([A-Za-z0-9_-]+)|"((?:[^"\\]|\\.)*)"|'([^']*)')[ \t]*""")
_STRING = re.compile(r'"{3}(?:[^\\]|\\.)*?"{3,5}|\'{3}.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'', re.DOTALL)
_BARE = re.compile(r"[^,\]}\n#]+")


def lines_of(text: str) -> dict[Path, int]:
    """The line (from 1) of every key, table and list element of a file that `tomllib` accepts."""
    return _Scanner(text).run()


def line_at(lines: dict[Path, int], path: Path) -> int:
    """The line of a key, or of the nearest thing around it that stands in the file."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def dotted(path: Path) -> str:
    """A path as people write it: `eligibility.pages[0].title`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


class _Scanner:
    """Walks through a file that is known to be right, remembering lines only."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Path, int] = {}
        self.last_of: dict[Path, int] = {}
        self.starts = [0, *accumulate(len(line) for line in text.splitlines(keepends=True))]

    def run(self) -> dict[Path, int]:
        table: Path = ()
        while self._space():
            if self.text.startswith("[", self.at):
                table = self._header()
            else:
                self._pair(table)
        return self.lines

    def _space(self) -> bool:
        """Skip blanks and comments; False at the end of the file."""
        self.at = self._match(_SPACE).end()
        return self.at < len(self.text)

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str]:
        match = pattern.match(self.text, self.at)
        assert match is not None
        return match

    def _remember(self, path: Path) -> None:
        self.lines.setdefault(path, bisect_right(self.starts, self.at))

    def _header(self) -> Path:
        start, many = self.at, self.text.startswith("[[", self.at)
        self.at += 2 if many else 1
        keys = self._keys()
        end, self.at = self.at + (2 if many else 1), start
        path: Path = ()
        for number, key in enumerate(keys, 1):
            path += (key,)
            self._remember(path)
            if many and number == len(keys):
                self.last_of[path] = self.last_of.get(path, -1) + 1
            if path in self.last_of:
                path += (self.last_of[path],)
                self._remember(path)
        self.at = end
        return path

    def _keys(self) -> list[str]:
        keys = []
        while True:
            match = self._match(_KEY)
            keys.append(next(group for group in match.groups() if group is not None))
            self.at = match.end()
            if not self.text.startswith(".", self.at):
                return keys
            self.at += 1

    def _pair(self, table: Path) -> None:
        start = self.at
        path = table
        keys = self._keys()
        after, self.at = self.at + 1, start
        for key in keys:
            path += (key,)
            self._remember(path)
        self.at = after
        self._value(path)

    def _value(self, path: Path) -> None:
        self._space()
        opening = self.text[self.at]
        if opening == "[":
            self._list(path)
        elif opening == "{":
            self._inline_table(path)
        else:
            self.at = self._match(_STRING if opening in "\"'" else _BARE).end()

    def _list(self, path: Path) -> None:
        self.at += 1
        number = 0
        while self._space() and self.text[self.at] != "]":
            self._remember((*path, number))
            self._value((*path, number))
            number += 1
            self._comma()
        self.at += 1

    def _inline_table(self, path: Path) -> None:
        self.at += 1
        while self._space() and self.text[self.at] != "}":
            self._pair(path)
            self._comma()
        self.at += 1

    def _comma(self) -> None:
        self._space()
        if self.text[self.at] == ",":
            self.at += 1
