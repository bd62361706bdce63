"""What a PDF says."""

import subprocess


def text_of(pdf: bytes, *options: str) -> str:
    """As Poppler reads it; `-layout` keeps what stands side by side."""
    told = subprocess.run(["pdftotext", *options, "-", "-"], input=pdf, capture_output=True, check=True)
    return told.stdout.decode()
