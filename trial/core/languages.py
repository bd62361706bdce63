"""Which language a page speaks."""

from collections.abc import Sequence

from django.http import HttpRequest
from django.utils import translation


def speak(request: HttpRequest, languages: Sequence[str], preferred: str | None = None) -> str:
    """Make this request's pages speak one of a trial's languages, and return which.

    What the visitor chose counts where the trial has it; else `preferred`; else the trial's own, its first.
    """
    wishes = (translation.get_language() or "", preferred or "")
    chosen = next((wish for wish in wishes if wish in languages), languages[0])
    translation.activate(chosen)
    request.LANGUAGE_CODE = chosen
    return chosen
