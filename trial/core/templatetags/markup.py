from django import template
from django.utils.html import format_html

from trial.core import markup

register = template.Library()
register.filter("paragraphs", markup.paragraphs)


@register.filter
def in_language(text: object, language: str) -> str:
    """A protocol's text in the page's language: `{{ protocol.names|in_language:LANGUAGE_CODE }}`."""
    return text.in_(language)  # type: ignore[attr-defined]


@register.filter
def lang_if_other(text: object, language: str) -> str:
    """For the tag around such a text: ` lang="nb"` where the text lacks the page's language, else nothing."""
    spoken = text.language_for(language)  # type: ignore[attr-defined]
    return "" if spoken == language else format_html(' lang="{}"', spoken)
