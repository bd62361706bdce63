"""Reads a reply to the weekly question: a number of days, stop, resume, or "a person must read this".

The rule is caution: a number is taken only when every word of the reply is known and all of them point to
the same number. "3 dager", "tre" and "hele uka" are answers; "3-4", "50 %" and "jobbet hele uka" go to a
coordinator.
Pure: no database, no clock.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, StrEnum
from functools import lru_cache

from followup.words import ALWAYS_STOP, BY_LANGUAGE, HALF, RESUME, STOP_UNLESS_ANSWER


class Doubt(StrEnum):
    """Why a reply needs a person."""

    EMPTY = "empty"
    NO_NUMBER = "no_number"
    SEVERAL_NUMBERS = "several_numbers"
    OUT_OF_RANGE = "out_of_range"
    BETWEEN_STEPS = "between_steps"
    PERCENT = "percent"
    QUESTION = "question"
    OTHER_WORDS = "other_words"
    STOP_OR_ANSWER = "stop_or_answer"


@dataclass(frozen=True)
class Answer:
    """A number of days, within the question's range and on its step."""

    days: Decimal


@dataclass(frozen=True)
class Stop:
    """The person wants no more messages."""


@dataclass(frozen=True)
class Resume:
    """The person wants messages again."""


@dataclass(frozen=True)
class Courtesy:
    """Nothing but thanks or a greeting: no answer, and nothing to clear up where the week is answered."""


@dataclass(frozen=True)
class Unclear:
    """A coordinator reads it."""

    doubt: Doubt


Reading = Answer | Stop | Resume | Courtesy | Unclear

LONGEST_SHORT_REPLY = 200
"""Characters; whoever writes more tells a story, and a person should read it."""

WORDS_AROUND_STOP = 3
"""In "please stop" the last word is a wish; in a longer sentence it may be about something else."""

EMOTICON = re.compile(r"<3+(?!\s*\w)|[:;=]['´]?-?[)(DPp|*oO](?!\w)|\^\^")
TOKEN = re.compile(r"(?:(?<!\w)[-–−])?\d(?:[\d.,:/]*\d)?|[^\W\d_]+|[%?/+<>&=]")
NUMBER = re.compile(r"[-–−]?\d+(?:[.,]\d+)?")
FRACTION = re.compile(r"([13])/([24])")
VULGAR_FRACTIONS = {"½": " 1/2 ", "¼": " 1/4 ", "¾": " 3/4 ", "🔟": " 10 "}
SPELLED = str.maketrans(
    {"æ": "ae", "ø": "o", "å": "a", "ä": "a", "ö": "o", "é": "e", "è": "e", "ò": "o", "ô": "o"}
)


class Mark(Enum):
    """What a phrase without a number of its own does to a reply."""

    UNIT = "unit"
    FILLER = "filler"
    COURTESY = "courtesy"
    EVERYTHING = "everything"
    AND_HALF = "and half"
    NO = "no"
    UNKNOWN = "unknown"


Item = Decimal | Mark
Phrases = Mapping[tuple[str, ...], Item]


def days_reader(
    *,
    languages: Collection[str],
    minimum: Decimal,
    maximum: Decimal,
    step: Decimal,
    units: Collection[str] = (),
    words: Mapping[str, Decimal] | None = None,
    stop_words: Collection[str] = (),
) -> Callable[[str], Reading]:
    """What reads the replies to one question, one by one.

    `languages` are those of the trial (nb, nn, sv, en); `units` are further words for the unit. `words` are
    answers that the question itself offers ("nei" = 0): such a word is an answer even where it would
    otherwise be a stop word; `stop_words` are further stop words. STOP and its kin are always stop. A
    reading `Answer(days)` has minimum <= days <= maximum and lies on a whole number of steps from the
    minimum.
    """
    offered: Phrases = {_key(word): Decimal(value) for word, value in (words or {}).items()}
    phrases = {**vocabulary(frozenset(languages)), **{_key(unit): Mark.UNIT for unit in units}, **offered}
    longest = max(map(len, phrases), default=1)
    stops = _STOP_UNLESS_ANSWER.union(map(_key, stop_words)).difference(offered)

    def read(text: str) -> Reading:
        tokens = [fold(token) for token in tokenize(text)]
        if wish := _stop_or_resume(tokens, stops):
            return wish
        if not tokens:
            return Courtesy() if text.strip() else Unclear(Doubt.EMPTY)
        if doubt := _sign_of_doubt(text, tokens):
            return Unclear(doubt)
        items = _items(tokens, phrases, longest)
        if set(items) == {Mark.COURTESY}:
            return Courtesy()
        return _decide(items, minimum=minimum, maximum=maximum, step=step)

    return read


def tokenize(text: str) -> list[str]:
    """Words, numbers and the few signs that carry meaning; emoji, smileys and punctuation are left out."""
    return TOKEN.findall(EMOTICON.sub(" ", _plain_characters(text)))


def fold(word: str) -> str:
    """Lower case, and one spelling for a letter and its ASCII stand-ins ("två" = "tva", "åtte" = "aatte")."""
    return word.lower().replace("aa", "a").replace("oe", "o").translate(SPELLED)


def _key(phrase: str) -> tuple[str, ...]:
    return tuple(fold(token) for token in TOKEN.findall(phrase))


def _plain_characters(text: str) -> str:
    """Digits of any script as 0–9; letters in their ordinary form; no invisible characters."""
    if text.isascii():
        return text
    out: list[str] = []
    for character in unicodedata.normalize("NFC", text):
        category = unicodedata.category(character)
        if character in VULGAR_FRACTIONS:
            out.append(VULGAR_FRACTIONS[character])
        elif category == "Nd":
            out.append(str(unicodedata.decimal(character)))
        elif category in {"No", "Nl"}:  # ① is 1; of superscripts and the like no rule knows anything
            number = unicodedata.normalize("NFKC", character)
            circled = "CIRCLED" in unicodedata.name(character, "") and number.isdecimal()
            out.append(f" {number} " if circled else " + ")
        elif category not in {"Cf", "Mn", "Me"}:  # variation selectors, keycaps, joiners
            out.append(unicodedata.normalize("NFKC", character) if category[0] == "L" else character)
    return "".join(out)


def _stop_or_resume(
    tokens: list[str], stop_replies: Collection[tuple[str, ...]]
) -> Stop | Resume | Unclear | None:
    stops = [index for index, token in enumerate(tokens) if token in _ALWAYS_STOP]
    if stops:
        short = len(tokens) <= WORDS_AROUND_STOP and not any(token[-1].isdigit() for token in tokens)
        first_or_last = stops[0] == 0 or (short and stops[-1] == len(tokens) - 1)
        return Stop() if first_or_last else Unclear(Doubt.STOP_OR_ANSWER)
    reply = tuple(tokens)
    if reply in stop_replies:
        return Stop()
    return Resume() if reply in _RESUME else None


def _sign_of_doubt(text: str, tokens: list[str]) -> Doubt | None:
    if {"%", "prosent", "procent", "percent"} & set(tokens):
        return Doubt.PERCENT  # the degree of sick leave, not days
    if "?" in tokens:
        return Doubt.QUESTION
    return Doubt.OTHER_WORDS if len(text) > LONGEST_SHORT_REPLY else None


def _items(tokens: list[str], phrases: Phrases, longest: int) -> list[Item]:
    """Replace the tokens, longest phrase first, by what they mean."""
    items: list[Item] = []
    position = 0
    while position < len(tokens):
        for length in range(min(longest, len(tokens) - position), 0, -1):
            phrase = tuple(tokens[position : position + length])
            if phrase in phrases:
                items.append(phrases[phrase])
                break
        else:
            length = 1
            _append_numeral(items, tokens[position])
        position += length
    return items


def _append_numeral(items: list[Item], token: str) -> None:
    if fraction := FRACTION.fullmatch(token):
        part = Decimal(fraction[1]) / Decimal(fraction[2])
        whole = items[-1] if items else None
        if isinstance(whole, Decimal) and whole == whole.to_integral_value():  # "1 1/2"
            items.pop()
            part += whole
        items.append(part)
    elif NUMBER.fullmatch(token):
        items.append(Decimal(token.replace(",", ".").replace("–", "-").replace("−", "-")))
    else:
        items.append(Mark.UNKNOWN)


def _decide(items: list[Item], *, minimum: Decimal, maximum: Decimal, step: Decimal) -> Answer | Unclear:
    values = _values(items, maximum)
    if len(values) > 1:
        return Unclear(Doubt.SEVERAL_NUMBERS)
    if Mark.UNKNOWN in items:
        return Unclear(Doubt.OTHER_WORDS)
    if not values:
        return Unclear(Doubt.NO_NUMBER)
    (days,) = values
    if days and Mark.NO in items:  # "no, 3": does it deny or correct?
        return Unclear(Doubt.OTHER_WORDS)
    if not minimum <= days <= maximum:
        return Unclear(Doubt.OUT_OF_RANGE)
    return Unclear(Doubt.BETWEEN_STEPS) if (days - minimum) % step else Answer(days)


def _values(items: list[Item], maximum: Decimal) -> set[Decimal]:
    """The different numbers that a reply names: "3 (tre)" names one, "to og en halv" one, "2 eller 3" two."""
    values: list[Decimal] = []
    for item in items:
        if isinstance(item, Decimal):
            values.append(item)
        elif item is Mark.EVERYTHING:
            values.append(maximum)
        elif item is Mark.AND_HALF:
            values.append(values.pop() + HALF if values else HALF)
    return set(values)


@lru_cache
def vocabulary(languages: frozenset[str]) -> dict[tuple[str, ...], Item]:
    """All phrases of these languages. Where two languages disagree, a number wins over a word without one."""
    phrases: dict[tuple[str, ...], Item] = {}
    for language in sorted(languages):
        words = BY_LANGUAGE[language]
        meanings: list[tuple[Collection[str], Item]] = [
            (words.filler, Mark.FILLER),
            (words.courtesy, Mark.COURTESY),
            (words.units, Mark.UNIT),
            (words.no, Mark.NO),
            (words.and_half, Mark.AND_HALF),
            (words.everything, Mark.EVERYTHING),
            (words.none, Decimal(0)),
        ]
        phrases |= {_key(phrase): meaning for group, meaning in meanings for phrase in group}
    for language in sorted(languages):
        phrases |= {_key(word): value for word, value in BY_LANGUAGE[language].numbers.items()}
    return phrases


_ALWAYS_STOP = frozenset(map(fold, ALWAYS_STOP))
_STOP_UNLESS_ANSWER = frozenset(map(_key, STOP_UNLESS_ANSWER))
_RESUME = frozenset(map(_key, RESUME))
