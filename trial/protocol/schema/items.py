"""Questions: items on pages, the instruments made of them, and how an instrument is scored."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from trial.protocol.schema.base import FROZEN, Expression, Key, Language, Part, Sentence, Text


class Kind(StrEnum):
    """How an item is answered, and the type of its value in expressions and exports."""

    SINGLE = "single"  # one option: its value (text)
    MULTIPLE = "multiple"  # any number of options: a list of values
    NUMBER = "number"  # whole number or decimal
    DATE = "date"  # "YYYY-MM-DD" (text, so that dates compare)
    TEXT = "text"  # free text
    SCALE = "scale"  # whole number between two named ends
    YES_NO = "yes_no"  # true or false
    POSTAL_CODE = "postal_code"  # digits as text, so that codes of one country compare


class Option(Part):
    """One possible answer to an item of kind `single` or `multiple`."""

    value: Key
    """What is stored and exported."""
    label: Text
    """What the participant reads."""
    score: Decimal | None = None
    """What the answer counts in a score; without it the item cannot be scored."""
    alone: bool = False
    """In `multiple`: this answer excludes all others ("none of these")."""


OptionSets = Annotated[Mapping[Key, tuple[Option, ...]], *FROZEN, Field(validate_default=True)]


class Item(Part):
    """One question."""

    key: Key
    """Name in expressions, exports and scores; unique in the whole trial."""
    kind: Kind
    """`single`, `multiple`, `number`, `date`, `text`, `scale`, `yes_no` or `postal_code`."""
    label: Text
    """The question."""
    help: Text | None = None
    """A line of help under the question."""
    options: tuple[Option, ...] = ()
    """The possible answers of `single` and `multiple`, or the name of a list in `option_sets`."""
    minimum: Decimal | None = None
    """Smallest number accepted (`number`, `scale`)."""
    maximum: Decimal | None = None
    """Largest number accepted (`number`, `scale`); largest number of characters (`text`)."""
    step: Decimal = Decimal(1)
    """Numbers are multiples of this, counted from `minimum`: 1 for whole numbers, 0.5 for halves."""
    unit: Text | None = None
    """What the number counts, shown after the field."""
    low: Text | None = None
    """What the lowest point of a `scale` means."""
    high: Text | None = None
    """What the highest point of a `scale` means."""
    required: bool = True
    """Whether the page needs an answer before it goes on."""
    shown_if: Expression | None = None
    """The question is asked only when this is true; otherwise its answer is dropped."""


class Page(Part):
    """Items shown together on one page."""

    key: Key
    """Name of the page."""
    title: Text
    """Heading of the page."""
    introduction: Text | None = None
    """What the reader should know before answering."""
    items: tuple[Item, ...]
    """The questions, in order."""


def fill_option_sets(data: Any) -> Any:
    """Put the lists of `option_sets` where items name them, so that an item always holds its own options."""
    if not isinstance(data, dict):
        return data
    sets = data.get("option_sets", {})
    pages = data.get("pages", [])
    if not isinstance(sets, dict) or not isinstance(pages, list):
        return data
    return {**data, "pages": [_page_with_options(page, sets) for page in pages]}


def _page_with_options(page: Any, sets: dict[str, Any]) -> Any:
    if not isinstance(page, dict) or not isinstance(page.get("items"), list):
        return page
    return {**page, "items": [_item_with_options(item, sets) for item in page["items"]]}


def _item_with_options(item: Any, sets: dict[str, Any]) -> Any:
    if not isinstance(item, dict) or not isinstance(item.get("options"), str):
        return item
    return {**item, "options": sets[item["options"]]} if item["options"] in sets else item


class Band(Part):
    """A named range of a score."""

    key: Key
    """What is exported."""
    label: Text
    """What the office shows."""
    minimum: Decimal
    """The band starts here and ends where the next one starts."""


ValueSet = Literal[
    "eq5d3l_denmark",
    "eq5d3l_sweden",
    "eq5d3l_uk",
    "eq5d5l_denmark",
    "eq5d5l_norway",
    "eq5d5l_sweden_2020",
    "eq5d5l_sweden_2022",
]
"""The value sets in `trial/questionnaires/value_sets/`."""


class Score(Part):
    """A number made of an instrument's items."""

    key: Key
    """Name in expressions and exports; unique in the whole trial."""
    name: Text
    """What the office and the codebook call it."""
    method: Literal["sum", "mean", "value_set"]
    """`sum` or `mean` of the items' numbers (an option counts its `score`, a scale its value), or the
    value that a country's people give to the five levels (`value_set`, for EQ-5D)."""
    value_set: ValueSet | None = None
    """The country's value set, such as `eq5d3l_sweden`; the options' scores are the levels from 1."""
    items: tuple[Key, ...]
    """The items that count."""
    reversed: tuple[Key, ...] = ()
    """Those of them where a high answer means little: they count minimum + maximum - answer."""
    least_answered: int | None = None
    """Fewer answered items give no score; missing ones count as the others' mean. Default: all items."""
    bands: tuple[Band, ...] = ()
    """Named ranges, from low to high."""

    @property
    def needed(self) -> int:
        return len(self.items) if self.least_answered is None else self.least_answered


class Group(Part):
    """One class of a grouping."""

    key: Key
    """What is exported."""
    label: Text
    """What the office shows."""
    when: Expression
    """True for whoever belongs here; over the instrument's answers and scores."""


class Grouping(Part):
    """A class made of several scores or answers, such as a risk group; the first group that fits counts."""

    key: Key
    """Name in expressions and exports; unique in the whole trial."""
    name: Text
    """What the office and the codebook call it."""
    groups: tuple[Group, ...]
    """The classes, most telling first."""


class Instrument(Part):
    """A questionnaire that trials can share: `protocols/instruments/<key>.toml`."""

    key: Key
    """Name of the instrument, and of its file."""
    version: str
    """Changes with every change of wording or scoring."""
    title: Text
    """What the participant reads above it."""
    languages: tuple[Language, ...]
    """Languages of all its texts."""
    licence: Sentence
    """Who may use it, under which terms."""
    source: Sentence
    """Where the instrument and its scoring are published."""
    translation: Sentence | None = None
    """Where the wording in each language comes from, and how far it is validated."""
    option_sets: OptionSets = {}
    """Lists of options that several items share."""
    pages: tuple[Page, ...]
    """The questions, page by page."""
    scores: tuple[Score, ...] = ()
    """Numbers computed from the answers."""
    groupings: tuple[Grouping, ...] = ()
    """Classes computed from answers and scores."""

    _fill = model_validator(mode="before")(fill_option_sets)

    @property
    def items(self) -> tuple[Item, ...]:
        return tuple(items_of(self.pages))

    @property
    def results(self) -> tuple[str, ...]:
        """Keys of everything that scoring computes."""
        return (*(score.key for score in self.scores), *(grouping.key for grouping in self.groupings))


def items_of(pages: tuple[Page, ...]) -> Iterator[Item]:
    for page in pages:
        yield from page.items
