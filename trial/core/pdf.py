"""Documents for the trial master file: headings, paragraphs, facts, tables, pictures, a line at the foot.

Everything is text that can be searched and copied; what is passed in is escaped, so nothing in it is markup.
"""

from collections.abc import Sequence
from functools import cache
from html import escape
from io import BytesIO
from typing import Any

from reportlab.graphics.barcode.qr import QrCodeWidget
from reportlab.graphics.shapes import Drawing
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import (
    Flowable,
    Image,
    KeepTogether,
    LongTable,
    PageBreak,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    TableStyle,
)

GREEN = colors.HexColor("#0b5d43")
LINE = colors.HexColor("#c9d3ce")
MARGIN = 20 * mm
WIDTH = A4[0] - 2 * MARGIN
"""Between the margins, in points."""

BODY = ParagraphStyle("body", fontName="Vera", fontSize=10, leading=15, spaceAfter=6)
SMALL = ParagraphStyle("small", parent=BODY, fontSize=8, leading=11, spaceAfter=0)
HEAD = ParagraphStyle("head", parent=SMALL, fontName="VeraBd")
TITLE = ParagraphStyle("title", parent=BODY, fontName="VeraBd", fontSize=19, leading=25, textColor=GREEN)
HEADING = ParagraphStyle(
    "heading", parent=BODY, fontName="VeraBd", fontSize=13, leading=18, spaceBefore=12, keepWithNext=True
)
CODE = ParagraphStyle("code", parent=BODY, fontName="Courier", fontSize=10, leading=14, wordWrap="CJK")


class Document:
    """One A4 document. Its parts come in the order in which they are added; `render` gives the file's bytes.

    The same parts give the same bytes: no clock and no chance goes in.
    """

    def __init__(self, title: str, *, language: str, foot: str = "") -> None:
        load_fonts()
        self._title, self._language, self._foot = title, language, foot
        self._parts: list[Flowable] = [Paragraph(escape(title), TITLE)]

    def heading(self, text: str) -> None:
        self._parts.append(Paragraph(escape(text), HEADING))

    def paragraph(self, text: str) -> None:
        self._parts.append(Paragraph(escape(text), BODY))

    def code(self, text: str) -> None:
        """A long number that somebody compares letter by letter."""
        self._parts.append(Paragraph(escape(text), CODE))

    def facts(self, facts: Sequence[tuple[str, str]]) -> None:
        """Labels with their values."""
        rows = [[Paragraph(escape(label), HEAD), Paragraph(escape(value), SMALL)] for label, value in facts]
        self._add_table(rows, [WIDTH * 0.35, WIDTH * 0.65], header=0)

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table whose header is repeated on each page."""
        cells = [[Paragraph(escape(name), HEAD) for name in header]]
        cells += [[Paragraph(escape(value), SMALL) for value in row] for row in rows]
        self._add_table(cells, [WIDTH / len(header)] * len(header), header=1)

    def picture(self, png: bytes, *, caption: str, height: float) -> None:
        """A picture over the whole width, so many millimetres high, with the words for who cannot see it."""
        picture = Image(BytesIO(png), WIDTH, height * mm, kind="proportional")
        self._parts.append(KeepTogether([picture, Paragraph(escape(caption), SMALL), Spacer(1, 4 * mm)]))

    def qr_code(self, text: str, *, size: float = 35) -> None:
        """A square of so many millimetres that a phone reads as the text."""
        widget = QrCodeWidget(text, barLevel="M", barWidth=size * mm, barHeight=size * mm, barBorder=0)
        drawing = Drawing(size * mm, size * mm)
        drawing.add(widget)
        self._parts += [drawing, Spacer(1, 4 * mm)]

    def space(self, height: float) -> None:
        """So many millimetres of nothing."""
        self._parts.append(Spacer(1, height * mm))

    def flowable(self, part: Flowable) -> None:
        """A drawing of the caller's own."""
        self._parts.append(part)

    def page_break(self) -> None:
        self._parts.append(PageBreak())

    def render(self) -> bytes:
        """The PDF."""
        file = BytesIO()
        template = SimpleDocTemplate(
            file,
            pagesize=A4,
            leftMargin=MARGIN,
            rightMargin=MARGIN,
            topMargin=MARGIN,
            bottomMargin=MARGIN,
            title=self._title,
            lang=self._language,
            author="Tilbake",
            invariant=1,
        )
        template.build(self._parts, onFirstPage=self._draw_foot, onLaterPages=self._draw_foot)
        return file.getvalue()

    def _draw_foot(self, canvas: Any, template: Any) -> None:
        canvas.saveState()
        canvas.setFont("Vera", 8)
        canvas.drawString(MARGIN, 12 * mm, self._foot)
        canvas.drawRightString(A4[0] - MARGIN, 12 * mm, str(canvas.getPageNumber()))
        canvas.restoreState()

    def _add_table(self, rows: list[list[Paragraph]], widths: list[float], *, header: int) -> None:
        if not rows:
            return
        style = [("VALIGN", (0, 0), (-1, -1), "TOP"), ("LINEBELOW", (0, 0), (-1, -1), 0.5, LINE)]
        if header:
            style.append(("LINEBELOW", (0, 0), (-1, 0), 1, GREEN))
        self._parts += [
            LongTable(rows, colWidths=widths, repeatRows=header, style=TableStyle(style)),
            Spacer(1, 4 * mm),
        ]


@cache
def load_fonts() -> None:
    """The letters are embedded, so that the document looks the same in twenty years."""
    for name in ("Vera", "VeraBd"):
        pdfmetrics.registerFont(TTFont(name, f"{name}.ttf"))
