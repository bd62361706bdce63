"""Conditions in CEL (Common Expression Language) over answers, with a third value for "not answered".

An expression sees each answered item under its key. An item without answer is absent, and `&&`, `||` and `!`
follow Kleene's logic: `a || b` is true when either is true, whatever the other one is; where the missing
answer matters, the result is None.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

import cel

_PLACE = re.compile(r"ERROR: <input>:(\d+):(\d+): ")
_MISSING = re.compile(r"Syntax error: missing '(.+?)' at")
_WORD = re.compile(r"\w+|[=<>&|!]+|\S")

_INSTEAD = {
    "and": "; write &&",
    "or": "; write ||",
    "&": "; write &&",
    "|": "; write ||",
    "=": "; write == to compare",
    "=>": "; write >=",
    "=<": "; write <=",
    "“": "; texts stand in straight quotes",
    "'": "; a text must be closed with the quote that opened it",
    '"': "; a text must be closed with the quote that opened it",
}
"""What those mean who write something that CEL does not know."""

_QUOTED = re.compile(r"""'([^'\\]*)'|"([^"\\]*)\"""")


class ExpressionError(ValueError):
    """The expression cannot be evaluated even with all its answers: a mistake of the protocol."""

    def __init__(self, expression: str, reason: str) -> None:
        self.reason = reason
        super().__init__(f"{expression}: {reason}")


@lru_cache(maxsize=4096)
def _program(expression: str) -> Any:
    return cel.compile(expression)


def syntax_error(expression: str) -> str | None:
    """What is wrong with the text of an expression; None when it can be read."""
    try:
        _program(expression)
    except ValueError as error:
        return _plainly(expression, str(error))
    return None


def _plainly(expression: str, said: str) -> str:
    """The parser's first complaint: the place and the word there, not all that might have stood there."""
    place = _PLACE.search(said)
    if place is None:
        return said
    line, column = int(place[1]), int(place[2])
    rest = expression.split("\n")[line - 1][column - 1 :]
    where = f"at column {column}" if line == 1 else f"at line {line}, column {column}"
    if missing := _MISSING.match(said, place.end()):
        return f"{missing[1]} is missing {where}"
    if word := _WORD.search(rest):
        advice = _INSTEAD.get(word[0], "")
        return f"“{word[0]}” cannot stand {where}{advice}"
    return f"it ends too early, {where}"


@lru_cache(maxsize=4096)
def variables(expression: str) -> frozenset[str]:
    """The keys that an expression needs."""
    return frozenset(_program(expression).variables())


def texts(expression: str) -> list[str]:
    """The quoted texts in an expression, such as the values of options."""
    return [single or double for single, double in _QUOTED.findall(expression)]


def evaluate(expression: str, answers: Mapping[str, Any]) -> bool | None:
    """Whether the condition holds; None when it cannot be told because something that matters is unanswered.

    `answers` may hold more than the expression needs; None stands for "not answered". Raises ExpressionError
    when everything is answered and there is still no truth value (text compared with a number, say).
    """
    needed = variables(expression)
    context = {key: _plain(answers[key]) for key in needed if answers.get(key) is not None}
    try:
        result = _program(expression).execute(context)
    except Exception as error:
        if needed - context.keys():
            return None
        raise ExpressionError(expression, _reason(error)) from error
    if not isinstance(result, bool):
        raise ExpressionError(expression, f"the result is {result!r}, not true or false")
    return result


def _reason(error: Exception) -> str:
    """What the library says, without its advice for programmers."""
    if isinstance(error, TypeError):
        return "it compares or combines values of different kinds"
    return str(error).partition(". ")[0]


def _plain(value: Any) -> Any:
    """A value as CEL knows it. Whole numbers stay whole, other ones become doubles; they compare freely."""
    return float(value) if isinstance(value, Decimal) else value
