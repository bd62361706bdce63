from django import template

from trial.core import markup

register = template.Library()
register.filter("paragraphs", markup.paragraphs)


@register.filter
def in_language(text: object, language: str) -> str:
    """A protocol's text in the page's language: `{{ protocol.names|in_language:LANGUAGE_CODE }}`."""
    return text.in_(language)  # type: ignore[attr-defined]
