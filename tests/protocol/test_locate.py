import tomllib
from pathlib import Path

import pytest

from trial.protocol.locate import dotted, line_at, lines_of

PROTOCOLS = sorted(Path("protocols").rglob("*.toml")) + sorted(Path("tests/protocols").rglob("*.toml"))

FILE = '''# a comment [with] = signs
name = "a # b"
text.nb = """
## not = [a] {table}
"""
text.en = 'x'

[[pages]]
key = "one"
options = [
  # first
  { value = "a", label = { nb = "A, B", en = "]" } },
  { value = "b" },
]

[[pages.items]]
key = "i"

[[pages]]
key = "two"
[[pages.items]]
"quoted key" = 10:00:00
[other.deep]
x = [1, [2, 3]]
'''


def test_every_kind_of_place_has_its_line():
    lines = lines_of(FILE)
    assert lines[("name",)] == 2
    assert lines[("text", "nb")] == 3
    assert lines[("text", "en")] == 6
    assert lines[("pages", 0)] == 8
    assert lines[("pages", 0, "options", 0, "label", "en")] == 12
    assert lines[("pages", 0, "options", 1, "value")] == 13
    assert lines[("pages", 0, "items", 0, "key")] == 17
    assert lines[("pages", 1, "key")] == 20
    assert lines[("pages", 1, "items", 0, "quoted key")] == 22
    assert lines[("other", "deep", "x", 1, 1)] == 24


def test_what_is_not_there_has_the_line_of_what_is_around_it():
    lines = lines_of(FILE)
    assert line_at(lines, ("pages", 0, "options", 1, "label", "nb")) == 13
    assert line_at(lines, ("nothing",)) == 1


def paths(value, path=()):
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from paths(inner, (*path, number))


@pytest.mark.parametrize("file", PROTOCOLS, ids=lambda file: file.stem)
def test_all_keys_of_our_own_files_are_found_where_they_stand(file):
    text = file.read_text()
    lines, written = lines_of(text), text.splitlines()
    found = [path for path in paths(tomllib.loads(text)) if path]
    assert set(found) <= set(lines)
    for path in found:
        if isinstance(path[-1], str):
            assert path[-1] in written[lines[path] - 1]


def test_paths_are_written_as_people_write_them():
    assert dotted(("eligibility", "pages", 0, "title")) == "eligibility.pages[0].title"
