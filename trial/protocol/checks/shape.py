"""Mistakes of form: a file that is not TOML, keys that do not exist, values of the wrong kind."""

import tomllib
from collections.abc import Iterator
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from trial.protocol.checks.problems import Problem, nearest
from trial.protocol.checks.readable import readable, unreadable
from trial.protocol.checks.syntax import not_toml
from trial.protocol.locate import Path

Shape = TypeVar("Shape", bound=BaseModel)

EXAMPLE = "on_sick_leave && weeks >= 8 && !(complaint in ['pain', 'other'])"
"""A condition with everything that most need."""


def shaped(model: type[Shape], text: str, source: str) -> tuple[Shape, list[Problem]]:
    """The text as the given type, and all that keeps it from being one: there, the type has holes."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line, what = not_toml(error, text)
        return unreadable(model), [Problem((), what, source=source, line=line)]
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        return readable(model, data), list(_problems(model, data, error, source))


def _problems(model: type[BaseModel], data: Any, error: ValidationError, source: str) -> Iterator[Problem]:
    for detail in error.errors(include_url=False):
        path = _path(model, detail)
        if not _inside_named_options(data, path):
            what, remedy = _words(model, data, detail, path)
            yield Problem(path, what, remedy, source=source)


def _path(model: type[BaseModel], detail: ErrorDetails) -> Path:
    """pydantic adds "[key]" for a mistake in a mapping's key itself."""
    return tuple(part for part in detail["loc"] if part != "[key]")


def _inside_named_options(data: Any, path: Path) -> bool:
    """Whether the mistake stands in a list of `option_sets` that an item only names: it is reported there."""
    for number, part in enumerate(path[:-1]):
        if not _has(data, part):
            return False
        data = data[part]
        if path[number] == "options" and isinstance(data, str):
            return True
    return False


def _has(data: Any, part: str | int) -> bool:
    if isinstance(data, dict):
        return part in data
    return isinstance(data, list) and isinstance(part, int) and part < len(data)


def _words(model: type[BaseModel], data: Any, detail: ErrorDetails, path: Path) -> tuple[str, str]:
    """What is wrong, and what would be right."""
    around = _model_at(model, path[:-1])
    key = str(path[-1]) if path else ""
    field = around.model_fields.get(key) if around else None
    about = (field.description or "").replace("\n", " ") if field else ""
    match detail["type"]:
        case "missing":
            return "this key is missing", about
        case "extra_forbidden":
            return "there is no such key", nearest(key, around.model_fields) if around else ""
        case "tuple_type" if key == "options" and isinstance(detail["input"], str):
            sets = data.get("option_sets") or data.get("eligibility", {}).get("option_sets") or {}
            return f"there is no list “{detail['input']}” in option_sets", nearest(detail["input"], sets)
        case "expression_syntax":
            return detail["msg"], f"right would be: {EXAMPLE}"
        case "literal_error" | "enum":
            return f"“{detail['input']}” is not possible here", f"possible: {detail['ctx']['expected']}"
        case "string_pattern_mismatch":
            return f"“{detail['input']}” is not possible here", f"pattern: {detail['ctx']['pattern']}"
    return _lower(detail["msg"]), about


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """The part of the schema to which a path leads."""
    here: type[BaseModel] | None = model
    for part in path:
        if isinstance(part, int):
            continue
        field = here.model_fields.get(part) if here else None
        here = _model_in(field.annotation) if field else None
    return here


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _model_in(inner))), None)
