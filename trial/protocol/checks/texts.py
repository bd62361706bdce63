"""Texts: in every language, with placeholders that are filled, in as few SMS as possible."""

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from string import Formatter
from typing import Any

from django.conf import settings
from pydantic import BaseModel

from trial.protocol.checks.problems import PROTOCOL, Problem, nearest
from trial.protocol.checks.readable import up_to_a_hole
from trial.protocol.locate import Path
from trial.protocol.reading import Study
from trial.protocol.schema import Instrument, Protocol, Text
from trial.protocol.schema.base import Part
from trial.protocol.sms import parts, strange_letters

WEEK = {"from": "22.12.", "to": "28.12."}
DOOR = {"address": "https://trial.example.org/q", "code": "ABCD-2345"}
CODE = {"code": "123456"}
ADDRESS = {"address": "https://trial.example.org/me"}


def check(study: Study) -> Iterator[Problem]:
    yield from _unknown_languages(study.protocol, PROTOCOL)
    yield from _languages(study.protocol, PROTOCOL)
    yield from _word_lists(study.protocol)
    for key, instrument in study.instruments.items():
        yield from _unknown_languages(instrument, key)
        yield from _languages(instrument, key)
        yield from _languages_of_the_trial(study.protocol, instrument, key)
    yield from _weekly_messages(study.protocol)
    yield from _invitations(study.protocol)
    yield from _service_messages(study.protocol)
    yield from _advice_ready(study.protocol)


@up_to_a_hole
def _languages(part: Protocol | Instrument, source: str) -> Iterator[Problem]:
    named = tuple(_option_sets(part))
    for path, text in _texts(part, (), named):
        for language in _spoken(part.languages):
            if language not in text.languages:
                yield Problem(path, f"the text is missing in “{language}”", source=source)
        for language in sorted(text.languages - set(part.languages)):
            what = f"“{language}” is not among the languages"
            yield Problem((*path, language), what, nearest(language, part.languages), source)


@up_to_a_hole
def _languages_of_the_trial(protocol: Protocol, instrument: Instrument, source: str) -> Iterator[Problem]:
    needed = _spoken(protocol.languages)
    if absent := [language for language in needed if language not in instrument.languages]:
        yield Problem(("languages",), f"the trial also needs {', '.join(absent)}", source=source)


@up_to_a_hole
def _unknown_languages(part: Protocol | Instrument, source: str) -> Iterator[Problem]:
    """Said once, in place of each text that is missing. An instrument may know more languages than we do."""
    known = dict(settings.LANGUAGES)
    for number, language in enumerate(part.languages):
        if language not in known:
            what, note = f"the platform does not speak “{language}”", source != PROTOCOL
            yield Problem(("languages", number), what, nearest(language, known), source, note=note)


def _spoken(languages: Collection[str]) -> list[str]:
    """Those languages that the platform speaks: only in them a text can be missing."""
    known = dict(settings.LANGUAGES)
    return [language for language in languages if language in known]


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
    for name in ("unit_words", "whole_week_words", "no_day_words"):
        yield from _word_list(protocol, name)


@up_to_a_hole
def _word_list(protocol: Protocol, name: str) -> Iterator[Problem]:
    written: Collection[str] = getattr(protocol.weekly, name)
    for language in _spoken(protocol.languages):
        if language not in written:
            yield Problem(("weekly", name), f"“{language}”: words are missing")
    for language in written:
        if language not in protocol.languages:
            what = f"“{language}” is not among the languages"
            yield Problem(("weekly", name, language), what, nearest(language, protocol.languages))


@up_to_a_hole
def _weekly_messages(protocol: Protocol) -> Iterator[Problem]:
    for key in ("question", "reminder", "thanks", "unclear"):
        filled = WEEK if key in {"question", "reminder"} else {}
        yield from _message(protocol.weekly, key, ("weekly",), filled, ())


@up_to_a_hole
def _invitations(protocol: Protocol) -> Iterator[Problem]:
    for number, one in enumerate(protocol.questionnaires):
        for key in ("invitation", "reminder"):
            yield from _message(one, key, ("questionnaires", number), DOOR, DOOR)


@up_to_a_hole
def _service_messages(protocol: Protocol) -> Iterator[Problem]:
    for key in ("code", "stop_confirmation", "resume_confirmation"):
        filled = CODE if key == "code" else {}
        yield from _message(protocol.messages, key, ("messages",), filled, filled)


@up_to_a_hole
def _advice_ready(protocol: Protocol) -> Iterator[Problem]:
    if team := protocol.expert_team:
        yield from _message(team, "advice_ready", ("expert_team",), ADDRESS, ())


@up_to_a_hole
def _message(
    part: Part, key: str, path: Path, filled: dict[str, str], needed: Collection[str]
) -> Iterator[Problem]:
    """An SMS in each language, with the placeholders that are filled and those that it must have."""
    text: Text | None = getattr(part, key)
    for language, sms in text.root.items() if text else ():
        here = (*path, key, language)
        try:
            used = set(_placeholders(sms))
        except ValueError as error:
            yield Problem(here, f"the braces do not match: {error}", "write {{ for a brace")
            continue
        yield from _filled(used, filled, needed, here)
        if not used - set(filled):
            yield from _length(sms.format(**filled), here)


def _placeholders(sms: str) -> Iterator[str]:
    """What stands between braces, whole: `{code:>9}` is not the placeholder `{code}`."""
    for _before, name, form, conversion in Formatter().parse(sms):
        if name is not None:
            yield name + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")


def _filled(
    used: Collection[str], filled: Collection[str], needed: Collection[str], path: Path
) -> Iterator[Problem]:
    """Placeholders that nothing fills and needed ones that are missing; a misspelt one is said once."""
    missing = set(needed) - set(used)
    for name in sorted(set(used) - set(filled)):
        meant = get_close_matches(name, filled, n=1)
        missing -= set(meant)
        known = f"known: {', '.join(f'{{{one}}}' for one in sorted(filled))}" if filled else "remove it"
        yield Problem(path, f"{{{name}}} is unknown", f"did you mean {{{meant[0]}}}?" if meant else known)
    for name in sorted(missing):
        yield Problem(path, f"the text needs {{{name}}}")


def _length(sms: str, path: Path) -> Iterator[Problem]:
    if strange := strange_letters(sms):
        yield Problem(
            path, f"{' '.join(strange)} makes every part of the SMS hold 67 letters instead of 153", note=True
        )
    if (number := parts(sms)) > 1:
        yield Problem(path, f"{len(sms)} letters are sent, and paid, as {number} SMS", note=True)
