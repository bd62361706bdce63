"""What keeps a file from being TOML, in words for somebody who does not know TOML by heart."""

import re
from tomllib import TOMLDecodeError

_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")

_EXPECTED = {
    "Invalid value": "a value must stand here: a “text” in quotes, a number, true, false, a list or a table",
    "Expected '='": "after a key come = and its value",
    "Expected newline": "the value has ended, and the next key begins on a new line; texts stand in quotes",
    "Unclosed array": "the list must be closed with ], and commas stand between its values",
    "Unclosed inline table": "the table must be closed with } on its line, and commas stand between its keys",
    "Illegal character '\\n'": 'a text must be closed on its line; a longer one stands in three quotes: """',
    "Unterminated string": "a text must be closed with the quotes that opened it",
    "Expected \"'": "a text must be closed with the quotes that opened it",
    "Expected ']": "the heading must be closed with the brackets that opened it",
    "Cannot overwrite": "this key has a value already; each key stands once in its part",
    "Duplicate inline table key": "this key has a value already; each key stands once in its part",
    "Cannot declare": "this heading is there already; the parts of a list have headings in [[two brackets]]",
    "Unescaped": "a backslash in a text is written twice, or the text stands in 'single quotes'",
    "Invalid statement": "a line begins with a key, with [ for a heading or with # for a comment",
    "Invalid initial character": "a key must stand here: letters, digits, - and _, or anything in quotes",
}
"""What `tomllib` says, by its first words, and what was expected."""


def not_toml(error: TOMLDecodeError, text: str) -> tuple[int, str]:
    """The line of the mistake, and one sentence."""
    said = str(error)
    place = _PLACE.search(said)
    what = said[: place.start()] if place else said
    expected = next((plain for words, plain in _EXPECTED.items() if what.startswith(words)), what)
    if place and place[1]:
        return int(place[1]), f"this is not TOML: at column {place[2]}, {expected}"
    return max(len(text.splitlines()), 1), f"this is not TOML: at the end of the file, {expected}"
