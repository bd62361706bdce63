"""A design report as a document for the trial master file."""

from datetime import datetime

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from randomization.assessment.words import Table, Words
from trial.core.pdf import Document

INDENT = "\u00a0" * 4


def as_pdf(words: Words, *, title: str, asked_at: datetime, language: str) -> bytes:
    """The same numbers and pictures as on the page."""
    document = Document(_("Design report"), language=language, foot=title)
    document.facts(
        [
            (_("Trial"), title),
            (_("Participants"), str(words.participants)),
            (_("Asked for"), date_format(asked_at, "DATETIME_FORMAT")),
            (_("Seed"), str(words.seed)),
        ]
    )
    for name, numbers in words.numbers():
        document.heading(name)
        document.facts([(value, label) for label, value in numbers])
    for picture in words.pictures("png"):
        document.picture(picture.file, caption=picture.caption, height=58)
    for table in words.tables():
        document.heading(table.title)
        document.table(["", *words.names], _lines(table, len(words.designs)))
    document.heading(_("What is assumed"))
    for line in words.assumptions():
        document.paragraph(line)
    return document.render()


def _lines(table: Table, designs: int) -> list[list[str]]:
    """Each group's name on a line of its own."""
    lines: list[list[str]] = []
    for name, rows in table.groups:
        lines += [[name, *[""] * designs]] if name else []
        lines += [[f"{INDENT}{label}", *values] for label, values in rows]
    return lines
