"""docs/protocol.md says every key of the schema, in the words of the schema."""

from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel, RootModel

from trial.protocol.schema import Instrument, Protocol

PAGE = Path("docs/protocol.md")


def inner(annotation):
    """The model that a field holds, alone or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return None if issubclass(annotation, RootModel) else annotation
    return next((found for one in get_args(annotation) if (found := inner(one))), None)


def default(field):
    if field.is_required():
        return "required"
    value = field.default
    return "–" if value in (None, (), {}) else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def lines(model, prefix=""):
    """One line of the reference for each key: path, meaning, default."""
    for name, field in model.model_fields.items():
        part = inner(field.annotation)
        many = "[]" if "tuple" in str(field.annotation) and part and name != "option_sets" else ""
        path = f"{prefix}{name}{many}" + (".*[]" if name == "option_sets" else "")
        assert field.description, f"{model.__name__}.{name} has no docstring"
        yield f"| `{path}` | {' '.join(field.description.split())} | {default(field)} |"
        if part:
            yield from lines(part, f"{path}.")


@pytest.mark.parametrize("model", [Protocol, Instrument])
def test_every_key_has_its_line_in_the_reference(model):
    written = PAGE.read_text().splitlines()
    missing = [line for line in lines(model) if line not in written]
    assert not missing, f"Put into {PAGE}:\n" + "\n".join(missing)


def test_the_reference_has_no_key_that_does_not_exist():
    known = {line for model in (Protocol, Instrument) for line in lines(model)}
    reference = PAGE.read_text().partition("## Reference")[2]
    assert {line for line in reference.splitlines() if line.startswith("| `")} == known
