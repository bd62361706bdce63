"""A text as a square that a phone reads, for pages."""

from reportlab.graphics.barcode.qrencoder import QRCode, QRErrorCorrectLevel


def qr_path(text: str) -> tuple[int, str]:
    """Number of modules along a side, and the path of an SVG that draws the dark ones as unit squares."""
    code = QRCode(None, QRErrorCorrectLevel.M)
    code.addData(text)
    code.make()
    side = range(code.getModuleCount())
    dark = (f"M{column} {row}h1v1h-1z" for row in side for column in side if code.isDark(row, column))
    return len(side), "".join(dark)
