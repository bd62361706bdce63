"""What every part of a protocol file is made of: frozen models, localized texts, expressions."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    RootModel,
    StringConstraints,
)
from pydantic_core import PydanticCustomError

from trial.protocol import expressions


class Part(BaseModel):
    """A part of a protocol file: unknown keys are errors, and nothing changes after loading."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
"""A name that code, exports and expressions use: small letters, digits and underscores."""

Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]

Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]

_K = TypeVar("_K")
_V = TypeVar("_V")


def _read_only(value: Mapping[_K, _V]) -> Mapping[_K, _V]:
    return MappingProxyType(dict(value))


FROZEN = (AfterValidator(_read_only), PlainSerializer(dict))
"""Annotations that make a mapping read-only."""


def _needs_languages(value: Any) -> Any:
    if isinstance(value, str):
        raise PydanticCustomError(
            "text_needs_languages", 'a text is written per language: { en = "…", sv = "…" }'
        )
    if isinstance(value, Mapping) and not value:
        raise PydanticCustomError("text_empty", "a text needs at least one language")
    return value


class Text(RootModel[Annotated[Mapping[Language, Sentence], BeforeValidator(_needs_languages), *FROZEN]]):
    """The same text in several languages."""

    model_config = ConfigDict(frozen=True)

    @property
    def languages(self) -> frozenset[str]:
        return frozenset(self.root)

    def in_(self, language: str) -> str:
        """The text in a language; in the first language of the file where it has none."""
        return self.root[self.language_for(language)]

    def language_for(self, language: str) -> str:
        """The language in which `in_` answers."""
        return language if self.root.get(language) else next(iter(self.root))


def _compiles(source: str) -> str:
    if error := expressions.syntax_error(source):
        raise PydanticCustomError(
            "expression_syntax", "this is not a CEL expression: {error}", {"error": error}
        )
    return source


Expression = Annotated[Sentence, AfterValidator(_compiles)]
"""A condition in CEL over the answers; unanswered questions make it "cannot tell" (see `expressions`)."""
