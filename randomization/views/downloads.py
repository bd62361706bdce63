"""Files that a page hands out; none is kept."""

from django.http import HttpResponse

PDF, TEXT = "application/pdf", "text/plain; charset=utf-8"


def download(name: str, content: bytes, content_type: str = PDF) -> HttpResponse:
    """To be saved under a name that tells nothing of anybody."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(content, content_type=content_type, headers=headers)
