"""Fallback envelopes: one A4 page each, printed on one side, that is folded into its own sealed envelope.

The page has three panels. The middle one is the front. The lower one is folded behind it and holds what the
place says; the upper one is folded over that as a flap, 18 mm short, so that a signature and tape can cross
its edge. What lies inside is masked before and behind by a dense pattern of the same letters, and no page or
file is longer for one arm than for another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from random import Random
from typing import Any

from django.utils.translation import gettext as _
from reportlab.graphics import renderPDF
from reportlab.graphics.barcode.qr import QrCodeWidget
from reportlab.graphics.shapes import Drawing
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfgen.canvas import Canvas

from trial.core.pdf import load_fonts

WIDTH, HEIGHT = A4
FLAP = 87 * mm
PANEL = 105 * mm
"""Height of the two other panels: together the page."""
STRIP = PANEL - FLAP
"""What of the lower panel stays in sight below the flap."""
FROM_FOLD = 45 * mm
WINDOW = 30 * mm
"""Where what is inside begins, seen from the fold between flap and front, and how high its window is."""
EDGE = 12 * mm
INSIDE_BYTES = 4000
"""Of page description: what is inside takes as much for every arm."""

PLAIN, BOLD = "Vera", "VeraBd"
BAR = "/"


@dataclass(frozen=True)
class Sheet:
    """One envelope: everything but `inside` stands on its outside."""

    trial: str
    site: str
    number: int
    stratum: str
    qr: str
    inside: str


def envelopes_pdf(sheets: Sequence[Sheet], *, possible: Sequence[str], language: str) -> bytes:
    """One page a sheet. `possible` is whatever may stand inside: sizes follow from it, not from what does."""
    load_fonts()
    file = BytesIO()
    canvas = Canvas(file, pagesize=A4, pageCompression=0, invariant=1, lang=language, initialFontName=PLAIN)
    canvas.setTitle(_("Envelopes"))
    letters = "".join(sorted({letter for text in possible for letter in text if letter.isalnum()})) or "?"
    pdfmetrics.getFont(BOLD).splitString(
        "".join([BAR, *possible]), canvas._doc
    )  # the same letters in every file
    size = min(
        _fitting(text, BOLD, 20, 150 * mm) for text in [*possible, *(sheet.inside for sheet in sheets)]
    )
    _patterns(canvas, letters, size)
    for sheet in sheets:
        _front(canvas, sheet)
        with _Turned(canvas):
            _flap(canvas, sheet)
            _inside(canvas, sheet.inside, size)
        _folds(canvas)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


class _Turned:
    """Draw upside down: so these two panels stand upright once they are folded behind the front.

    `y` is then the distance from the page's upper edge.
    """

    def __init__(self, canvas: Any) -> None:
        self._canvas = canvas

    def __enter__(self) -> None:
        self._canvas.saveState()
        self._canvas.translate(WIDTH, HEIGHT)
        self._canvas.rotate(180)

    def __exit__(self, *_failure: object) -> None:
        self._canvas.restoreState()


def _front(canvas: Any, sheet: Sheet) -> None:
    top = HEIGHT - FLAP
    _text(canvas, sheet.trial, 15 * mm, top - 11 * mm, BOLD, 12, width=115 * mm)
    _text(canvas, sheet.site, 15 * mm, top - 18 * mm, BOLD, 11, width=115 * mm)
    _lines(canvas, sheet.stratum, 15 * mm, top - 24 * mm, PLAIN, 10, width=115 * mm, most=2)
    canvas.setFont(PLAIN, 8)
    canvas.drawRightString(163 * mm, top - 11 * mm, _("Envelope"))
    canvas.setFont(BOLD, 30)
    canvas.drawRightString(163 * mm, top - 23 * mm, str(sheet.number))
    _qr(canvas, sheet.qr, 168 * mm, top - 34 * mm, 27 * mm)
    _text(
        canvas,
        _("Open only when the system is down, and in the order of the numbers."),
        15 * mm,
        top - 38 * mm,
        BOLD,
        10,
        width=145 * mm,
    )
    _mask(canvas, "before", top - FROM_FOLD - WINDOW)
    fields = (_("Study id"), _("Date"), _("Time"), _("Signature"))
    for left, right, label in zip((15, 70, 108, 135), (65, 103, 130, 195), fields, strict=True):
        base = top - PANEL + 12 * mm
        canvas.setFont(PLAIN, 8)
        canvas.drawString(left * mm, base - 4 * mm, label)
        canvas.line(left * mm, base, right * mm, base)


def _flap(canvas: Any, sheet: Sheet) -> None:
    """`y` from its free edge."""
    _mask(canvas, "behind", FLAP - FROM_FOLD - WINDOW)
    text = f"{sheet.trial} · {sheet.site} · {sheet.number}"
    _text(canvas, text, 15 * mm, FLAP - 9 * mm, BOLD, 10, width=180 * mm)
    told = (
        _("To close: fold the lower part behind the front, glue its frame, and fold the upper part over it."),
        _("Tape both ends, then sign and date across the edge below."),
        _("To open: first fill in the front. Then cut below this edge. Keep the page."),
    )
    for number, line in enumerate(told):
        _text(canvas, line, 15 * mm, FLAP - (17 + 6 * number) * mm, PLAIN, 9, width=180 * mm)
    _across(canvas, 0, 7 * mm)


def _inside(canvas: Any, inside: str, size: float) -> None:
    """`y` from the page's upper edge; the strip below the flap stays in sight."""
    bottom = FLAP + PANEL
    canvas.doForm("tint")
    canvas.setFont(PLAIN, 8)
    canvas.drawCentredString(WIDTH / 2, bottom + 3 * mm, _("Sealed across here: signature and date"))
    _across(canvas, bottom + STRIP - 10 * mm, 10 * mm)
    canvas.setDash(1, 2)
    under = bottom + STRIP
    canvas.rect(EDGE, under + 8 * mm, WIDTH - 2 * EDGE, PANEL - STRIP - 8 * mm - 5 * mm)
    canvas.setDash()
    canvas.drawCentredString(WIDTH / 2, under + 2.5 * mm, _("Glue this frame"))
    canvas.drawCentredString(WIDTH / 2, HEIGHT - 4 * mm, _("Glue this frame"))
    # The fold is 105 mm away from the lower one, so the window begins as far from there as on the front.
    _what_it_holds(canvas, inside, bottom + PANEL - FROM_FOLD - WINDOW, size)


def _what_it_holds(canvas: Any, inside: str, y: float, size: float) -> None:
    """Between bars that make the line as long and as dark for every arm when it is held against the light."""
    begins = len("\n".join(canvas._code))
    base, half = y + WINDOW / 2 - size / 3, pdfmetrics.stringWidth(inside, BOLD, size) / 2 + 4 * mm
    canvas.saveState()
    canvas.setFillGray(0.4)
    canvas.setFont(BOLD, size)
    canvas.drawCentredString(WIDTH / 2, base, inside)
    bar = pdfmetrics.stringWidth(BAR, BOLD, size)
    bars = BAR * max(int((WIDTH / 2 - half - EDGE) / bar), 0)
    canvas.drawRightString(WIDTH / 2 - half, base, bars)
    canvas.drawString(WIDTH / 2 + half, base, bars)
    canvas.restoreState()
    missing = INSIDE_BYTES - (len("\n".join(canvas._code)) - begins)
    canvas.addLiteral("%" + "x" * max(missing - 2, 0))


def _across(canvas: Any, y: float, height: float) -> None:
    """Half of the box for the signature, and of the places for tape: the other half is on the other panel."""
    canvas.saveState()
    canvas.setLineWidth(0.7)
    canvas.rect(65 * mm, y, 80 * mm, height)
    canvas.setDash(3, 2)
    for left in (8, 152):
        canvas.rect(left * mm, y, 50 * mm, height)
        canvas.setFont(PLAIN, 7)
        canvas.drawCentredString((left + 25) * mm, y + height / 2 - 2, _("Tape"))
    canvas.restoreState()


def _folds(canvas: Any) -> None:
    canvas.saveState()
    canvas.setDash(4, 3)
    canvas.setLineWidth(0.5)
    canvas.setFont(PLAIN, 6)
    for y, order in ((HEIGHT - FLAP, 2), (HEIGHT - FLAP - PANEL, 1)):
        canvas.line(0, y, WIDTH, y)
        canvas.drawString(6 * mm, y + 1 * mm, _("Fold %(number)s, backwards") % {"number": order})
    canvas.restoreState()


def _patterns(canvas: Any, letters: str, size: float) -> None:
    """Drawn once in a file: the dense masks, and the light tint that what is inside stands on."""
    draw = Random(1)
    for mask in ("before", "behind"):
        canvas.beginForm(mask)
        for gray, step in ((0.45, 1.0), (0.0, 0.95)):
            _letters(canvas, draw, letters, size, gray=gray, step=step, height=WINDOW + 8 * mm)
        canvas.endForm()
    canvas.beginForm("tint")
    canvas.saveState()
    canvas.translate(0, FLAP + PANEL + STRIP + 8 * mm)
    _letters(canvas, draw, letters, size * 0.8, gray=0.86, step=1.3, height=PANEL - STRIP - 13 * mm)
    canvas.restoreState()
    canvas.endForm()


def _letters(
    canvas: Any, draw: Random, letters: str, size: float, *, gray: float, step: float, height: float
) -> None:
    canvas.setFillGray(gray)
    y = 0.0
    while y < height - size * 0.7:
        x = EDGE + draw.uniform(0, size)
        while x < WIDTH - EDGE - size:
            letter = draw.choice(letters)
            canvas.setFont(BOLD, size * draw.uniform(0.8, 1.2))
            canvas.drawString(x, y + draw.uniform(-2, 2), letter)
            x += size * 0.62 * step * draw.uniform(0.8, 1.1)
        y += size * 0.62 * step


def _mask(canvas: Any, name: str, y: float) -> None:
    canvas.saveState()
    canvas.translate(0, y - 4 * mm)
    canvas.doForm(name)
    canvas.restoreState()


def _qr(canvas: Any, text: str, x: float, y: float, size: float) -> None:
    drawing = Drawing(size, size)
    drawing.add(QrCodeWidget(text, barLevel="M", barWidth=size, barHeight=size, barBorder=0))
    renderPDF.draw(drawing, canvas, x, y)


def _text(canvas: Any, text: str, x: float, y: float, font: str, size: float, *, width: float) -> None:
    """One line, made smaller where it would not fit."""
    canvas.setFont(font, _fitting(text, font, size, width))
    canvas.drawString(x, y, text)


def _lines(
    canvas: Any, text: str, x: float, y: float, font: str, size: float, *, width: float, most: int
) -> None:
    while len(lines := simpleSplit(text, font, size, width)) > most:
        size -= 0.5
    for number, line in enumerate(lines):
        _text(canvas, line, x, y - number * size * 1.3, font, size, width=width)


def _fitting(text: str, font: str, size: float, width: float) -> float:
    return min(size, size * width / max(pdfmetrics.stringWidth(text, font, size), 1))
