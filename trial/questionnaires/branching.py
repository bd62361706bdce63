"""Which questions are asked, and in which steps. Decided on the server, so it works without JavaScript."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trial.protocol.expressions import evaluate, variables
from trial.protocol.schema import Item, Page


@dataclass(frozen=True)
class Step:
    """Items answered together. A page whose questions depend on each other is answered in several steps."""

    page: Page
    items: tuple[Item, ...]


def steps(pages: Iterable[Page]) -> list[Step]:
    """The pages, divided so that what a question depends on has always been answered in an earlier step."""
    found = []
    for page in pages:
        start = 0
        for end, item in enumerate(page.items):
            together = {other.key for other in page.items[start:end]}
            if item.shown_if and variables(item.shown_if) & together:
                found.append(Step(page, page.items[start:end]))
                start = end
        found.append(Step(page, page.items[start:]))
    return found


def shown_items(items: Sequence[Item], answers: Mapping[str, Any]) -> list[Item]:
    """The items to ask, given the answers so far. A hidden item's answer does not count."""
    keys = {item.key for item in items}
    counted = {key: value for key, value in answers.items() if key not in keys}
    shown = []
    for item in items:
        if item.shown_if is None or evaluate(item.shown_if, counted):
            shown.append(item)
            if item.key in answers:
                counted[item.key] = answers[item.key]
    return shown


def kept_answers(items: Sequence[Item], answers: Mapping[str, Any]) -> dict[str, Any]:
    """The answers that count: those to items that are asked."""
    return {item.key: answers[item.key] for item in shown_items(items, answers) if item.key in answers}


def unanswered(items: Sequence[Item], answers: Mapping[str, Any]) -> list[Item]:
    """The items that still need an answer."""
    return [item for item in shown_items(items, answers) if item.required and answers.get(item.key) is None]
