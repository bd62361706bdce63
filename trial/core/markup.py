"""The few marks that a protocol's long texts use: blank lines, `## ` headings, `- ` lists."""

from collections.abc import Iterator
from itertools import groupby

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString


def paragraphs(text: str) -> SafeString:
    """The text as HTML: h2, p, ul. All of it escaped; nothing in a text can become markup of its own."""
    return format_html_join("\n", "{}", ((part,) for block in _blocks(text) for part in _parts(block)))


def _blocks(text: str) -> Iterator[list[str]]:
    """Groups of lines between blank lines."""
    for filled, lines in groupby(text.splitlines(), key=lambda line: bool(line.strip())):
        if filled:
            yield [line.strip() for line in lines]


def _parts(block: list[str]) -> Iterator[SafeString]:
    """A block's headings, lists and paragraphs, in order."""
    for kind, group in groupby(block, key=_kind):
        lines = list(group)
        if kind == "heading":
            yield from (format_html("<h2>{}</h2>", line.removeprefix("## ")) for line in lines)
        elif kind == "list":
            items = format_html_join("", "<li>{}</li>", ((line.removeprefix("- "),) for line in lines))
            yield format_html("<ul>{}</ul>", items)
        else:
            yield format_html("<p>{}</p>", " ".join(lines))


def _kind(line: str) -> str:
    if line.startswith("## "):
        return "heading"
    return "list" if line.startswith("- ") else "paragraph"
