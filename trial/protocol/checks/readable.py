"""As much of a file as can be read, so that a mistake of form does not hide those of meaning.

What cannot be read is a hole: the part lacks that attribute, whatever its default. A check that comes to a
hole ends there: the mistake of form is reported, and nothing is said that might be untrue once it is mended.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from difflib import get_close_matches
from functools import cache, wraps
from types import UnionType
from typing import Annotated, Any, ParamSpec, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from trial.protocol.schema.base import Part
from trial.protocol.schema.items import fill_option_sets

P = ParamSpec("P")
Found = TypeVar("Found")
Shape = TypeVar("Shape", bound=BaseModel)


def up_to_a_hole(check: Callable[P, Iterator[Found]]) -> Callable[P, Iterator[Found]]:
    """Ends a check quietly where it asks for something that could not be read."""

    @wraps(check)
    def as_far_as_readable(*args: P.args, **kwargs: P.kwargs) -> Iterator[Found]:
        try:
            yield from check(*args, **kwargs)
        except AttributeError as error:
            if not _is_hole(error.obj, error.name):
                raise

    return as_far_as_readable


def _is_hole(part: object, name: str | None) -> bool:
    return isinstance(part, Part) and name in type(part).model_fields


def unreadable(model: type[Shape]) -> Shape:
    """The model with nothing but holes."""
    return _holding(model, {})


def readable(model: type[Shape], data: Mapping[str, Any]) -> Shape:
    """The model with a hole for each key that is missing or has a wrong value."""
    if "option_sets" in model.model_fields:
        data = fill_option_sets(data)
    misspelt = _misspelt(model, data)
    values = {}
    for name, field in model.model_fields.items():
        if name in data:
            with suppress(ValueError):
                values[name] = _value(_kind(field), data[name])
        elif not field.is_required() and name not in misspelt:
            values[name] = field.get_default()
    return _holding(model, values)


def _kind(field: FieldInfo) -> Any:
    return Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation


def _holding(model: type[Shape], values: dict[str, Any]) -> Shape:
    """Nothing but these values: model_construct alone would fill holes with defaults."""
    part = model.model_construct()
    part.__dict__.clear()
    part.__dict__.update(values)
    return part


def _misspelt(model: type[BaseModel], data: Mapping[str, Any]) -> set[str]:
    """The keys that unknown keys of the data seem to mean: they were not left out to have their default."""
    absent = model.model_fields.keys() - data.keys()
    unknown = data.keys() - model.model_fields.keys()
    return {meant for key in unknown for meant in get_close_matches(key, absent, n=1)}


def _value(kind: Any, data: Any) -> Any:
    """The data as that kind, with holes in its parts. Raises ValueError where not even that is possible."""
    try:
        return _adapter(kind).validate_python(data)
    except ValidationError:
        return _with_holes(kind, data)


def _with_holes(kind: Any, data: Any) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if isinstance(kind, type) and issubclass(kind, Part) and isinstance(data, dict):
        return readable(kind, data)
    if origin is tuple and isinstance(data, list):
        return tuple(_value(inner[0], one) for one in data)
    if origin is Mapping and isinstance(data, dict):
        return {_value(inner[0], key): _value(inner[1], one) for key, one in data.items()}
    if origin in (Annotated, Union, UnionType):  # `Part | None` among them
        return _with_holes(inner[0], data)
    raise ValueError(f"{data!r} is not {kind}")


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
