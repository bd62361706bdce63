"""Texts: in every language, with placeholders that are filled, in as few SMS as possible."""

from collections.abc import Collection, Iterator, Mapping
from string import Formatter
from typing import Any

from pydantic import BaseModel

from trial.protocol.checks.problems import PROTOCOL, Problem, nearest
from trial.protocol.locate import Path
from trial.protocol.reading import Study
from trial.protocol.schema import Protocol, Text
from trial.protocol.sms import parts, strange_letters

WEEK = {"from": "22.12.", "to": "28.12."}
DOOR = {"address": "https://trial.example.org/q", "code": "ABCD-2345"}
CODE = {"code": "123456"}
ADDRESS = {"address": "https://trial.example.org/me"}


def check(study: Study) -> Iterator[Problem]:
    protocol = study.protocol
    yield from _languages(protocol, protocol.languages, PROTOCOL)
    yield from _word_lists(protocol)
    for key, instrument in study.instruments.items():
        yield from _languages(instrument, instrument.languages, key)
        if absent := [language for language in protocol.languages if language not in instrument.languages]:
            yield Problem(("languages",), f"the trial also needs {', '.join(absent)}", source=key)
    yield from _messages(protocol)


def _languages(part: BaseModel, wanted: Collection[str], source: str) -> Iterator[Problem]:
    named = tuple(_option_sets(part))
    for path, text in _texts(part, (), named):
        for language in wanted:
            if language not in text.languages:
                yield Problem(path, f"the text is missing in “{language}”", source=source)
        for language in sorted(text.languages - set(wanted)):
            yield Problem(
                (*path, language),
                f"“{language}” is not among the languages",
                nearest(language, wanted),
                source,
            )


def _option_sets(part: Any) -> Iterator[tuple[Any, ...]]:
    for holder in (part, getattr(part, "eligibility", None)):
        yield from getattr(holder, "option_sets", {}).values()


def _texts(part: Any, path: Path, named: tuple[Any, ...]) -> Iterator[tuple[Path, Text]]:
    """Every text with its path; options that an item only names are met where they are written."""
    if isinstance(part, Text):
        yield path, part
    elif isinstance(part, BaseModel):
        for name, value in part:
            if name != "options" or value not in named:
                yield from _texts(value, (*path, name), named)
    elif isinstance(part, tuple):
        for number, value in enumerate(part):
            yield from _texts(value, (*path, number), named)
    elif isinstance(part, Mapping):
        for key, value in part.items():
            yield from _texts(value, (*path, key), named)


def _word_lists(protocol: Protocol) -> Iterator[Problem]:
    weekly = protocol.weekly
    for name in ("unit_words", "whole_week_words", "no_day_words"):
        for language in set(protocol.languages) ^ set(getattr(weekly, name)):
            what = (
                "words are missing" if language in protocol.languages else "this is not one of the languages"
            )
            yield Problem(("weekly", name), f"“{language}”: {what}")


def _messages(protocol: Protocol) -> Iterator[Problem]:
    """Each SMS of the protocol, with the placeholders that are filled and those that it must have."""
    weekly = protocol.weekly
    for name in ("question", "reminder", "thanks", "unclear"):
        text = getattr(weekly, name)
        filled = WEEK if name in {"question", "reminder"} else {}
        if text is not None:
            yield from _message(text, ("weekly", name), filled, ())
    for number, one in enumerate(protocol.questionnaires):
        for name in ("invitation", "reminder"):
            yield from _message(getattr(one, name), ("questionnaires", number, name), DOOR, DOOR)
    for name in ("code", "stop_confirmation", "resume_confirmation"):
        filled = CODE if name == "code" else {}
        yield from _message(getattr(protocol.messages, name), ("messages", name), filled, filled)
    if protocol.expert_team:
        yield from _message(protocol.expert_team.advice_ready, ("expert_team", "advice_ready"), ADDRESS, ())


def _message(text: Text, path: Path, filled: dict[str, str], needed: Collection[str]) -> Iterator[Problem]:
    for language, sms in text.root.items():
        here = (*path, language)
        try:
            used = {name for _, name, _, _ in Formatter().parse(sms) if name is not None}
        except ValueError as error:
            yield Problem(here, f"the braces do not match: {error}", "write {{ for a brace")
            continue
        for name in sorted(used - set(filled)):
            yield Problem(here, f"nothing fills {{{name}}}", nearest(name, filled))
        for name in sorted(set(needed) - used):
            yield Problem(here, f"the text needs {{{name}}}")
        if not used - set(filled):
            yield from _length(sms.format(**filled), here)


def _length(sms: str, path: Path) -> Iterator[Problem]:
    if strange := strange_letters(sms):
        yield Problem(
            path, f"{' '.join(strange)} makes every part of the SMS hold 67 letters instead of 153", note=True
        )
    if (number := parts(sms)) > 1:
        yield Problem(path, f"{len(sms)} letters are sent, and paid, as {number} SMS", note=True)
