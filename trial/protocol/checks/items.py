"""Items, instruments and scores: keys used once, options where they belong, scores of what has numbers."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from trial.protocol.checks.problems import PROTOCOL, Problem, nearest
from trial.protocol.checks.readable import up_to_a_hole
from trial.protocol.locate import Path
from trial.protocol.reading import Study
from trial.protocol.schema import Instrument, Item, Kind, Page, Protocol, Score

CHOICES = (Kind.SINGLE, Kind.MULTIPLE)

RESERVED = frozenset(
    ["participant", "occasion", "version", "protocol_version", "language", "submitted_on", "answered_on"]
)
"""Columns of the export, which no item or score may be named like."""


def check(study: Study) -> Iterator[Problem]:
    yield from _used_once(study)
    yield from _pages(study.protocol, PROTOCOL)
    for key, instrument in study.instruments.items():
        yield from _named_like_its_file(instrument, key)
        yield from _pages(instrument, key)
        yield from _scores(instrument, key)


def items_in(part: Protocol | Instrument) -> Iterator[tuple[Path, Item]]:
    """All questions of a file, each with its place."""
    pages, path = pages_in(part)
    for page_number, page in enumerate(pages):
        for number, item in enumerate(page.items):
            yield (*path, page_number, "items", number), item


def pages_in(part: Protocol | Instrument) -> tuple[tuple[Page, ...], Path]:
    if isinstance(part, Protocol):
        return part.eligibility.pages, ("eligibility", "pages")
    return part.pages, ("pages",)


@up_to_a_hole
def _named_like_its_file(instrument: Instrument, file: str) -> Iterator[Problem]:
    if instrument.key != file:
        yield Problem(("key",), f"the file is called {file}.toml", f"write key = “{file}”", file)


def _used_once(study: Study) -> Iterator[Problem]:
    """Keys that expressions and exports find things by must mean one thing in the whole trial."""
    named = [(PROTOCOL, path, key) for path, key in _keys(study.protocol)]
    for source, instrument in study.instruments.items():
        named += [(source, path, key) for path, key in _keys(instrument)]
    first: dict[str, str] = {}
    for source, path, key in named:
        if key in RESERVED:
            yield Problem(
                (*path, "key"), f"“{key}” is a column of every export", "choose another key", source
            )
        if key in first:
            where = "the protocol" if first[key] == PROTOCOL else f"instruments/{first[key]}.toml"
            yield Problem(
                (*path, "key"), f"“{key}” is already a key in {where}", "choose another key", source
            )
        first.setdefault(key, source)


@up_to_a_hole
def _keys(part: Protocol | Instrument) -> Iterator[tuple[Path, str]]:
    for path, item in items_in(part):
        yield path, item.key
    if isinstance(part, Instrument):
        for number, score in enumerate(part.scores):
            yield ("scores", number), score.key
        for number, grouping in enumerate(part.groupings):
            yield ("groupings", number), grouping.key


@up_to_a_hole
def repeated(keys: Iterable[str], path: Path, source: str = PROTOCOL, name: str = "key") -> Iterator[Problem]:
    """Keys of one list that stand there twice."""
    keys = list(keys)
    count = Counter(keys)
    for number, key in enumerate(keys):
        if count[key] > 1 and key in keys[:number]:
            yield Problem((*path, number, name), f"“{key}” is there twice", "choose another one", source)


@up_to_a_hole
def _pages(part: Protocol | Instrument, source: str) -> Iterator[Problem]:
    pages, path = pages_in(part)
    yield from repeated((page.key for page in pages), path, source)
    if not pages:
        yield Problem(path, "there are no pages", source=source)
    for number, page in enumerate(pages):
        if not page.items:
            yield Problem((*path, number), "the page has no items", source=source)
    for item_path, item in items_in(part):
        yield from _item(item, item_path, source)


@up_to_a_hole
def _item(item: Item, path: Path, source: str) -> Iterator[Problem]:
    def problem(key: str, what: str, remedy: str = "") -> Problem:
        return Problem((*path, key), what, remedy, source)

    if item.kind in CHOICES and len(item.options) < 2:
        yield problem("options", f"“{item.kind}” needs at least two options")
    if item.kind not in CHOICES and item.options:
        yield problem("options", f"“{item.kind}” has no options", "kind = “single” has")
    yield from repeated((option.value for option in item.options), (*path, "options"), source, "value")
    if item.kind == Kind.SCALE and (item.minimum is None or item.maximum is None):
        yield problem("kind", "a scale needs minimum and maximum")
    if item.kind == Kind.SCALE and not (item.low and item.high):
        yield problem("kind", "a scale says what its ends mean", "low and high")
    if item.minimum is not None and item.maximum is not None and item.minimum >= item.maximum:
        yield problem("maximum", f"the maximum must be more than the minimum, {item.minimum}")
    if item.step <= 0:
        yield problem("step", "the step must be more than 0")
    if item.kind not in (Kind.NUMBER, Kind.SCALE) and item.unit:
        yield problem("unit", f"“{item.kind}” has no unit")


@up_to_a_hole
def _scores(instrument: Instrument, source: str) -> Iterator[Problem]:
    by_key = {item.key: item for item in instrument.items}
    for number, score in enumerate(instrument.scores):
        path = ("scores", number)
        yield from _score(score, path, source)
        yield from _scored_items(score, by_key, path, source)
        yield from _value_set(score, by_key, path, source)


@up_to_a_hole
def _scored_items(score: Score, items: Mapping[str, Item], path: Path, source: str) -> Iterator[Problem]:
    for place, key in enumerate(score.items):
        if key not in items:
            yield Problem((*path, "items", place), f"there is no item “{key}”", nearest(key, items), source)
        elif not has_number(items[key]):
            what = f"“{key}” has no number: give each of its options a score"
            yield Problem((*path, "items", place), what, source=source)


@up_to_a_hole
def _value_set(score: Score, items: Mapping[str, Item], path: Path, source: str) -> Iterator[Problem]:
    """A value set needs five items with all levels, and nothing that would change or replace an answer."""
    if (score.method == "value_set") != (score.value_set is not None):
        what = "method = “value_set” and value_set go together"
        yield Problem((*path, "method"), what, "both or neither", source)
    if score.value_set is None:
        return
    levels = set(range(1, int(score.value_set[len("eq5d")]) + 1))
    if len(score.items) != 5:
        yield Problem((*path, "items"), f"there are {len(score.items)} items", "five dimensions", source)
    for number, key in enumerate(score.items):
        if key in items and {option.score for option in items[key].options} != levels:
            what = f"the scores of “{key}” are not the levels 1 to {max(levels)}"
            yield Problem((*path, "items", number), what, "one option for each level", source)
    if score.reversed or score.least_answered:
        yield Problem(path, "a value set knows neither reversed nor missing items", "remove them", source)


def has_number(item: Item) -> bool:
    """Whether each answer to the item counts something in a score."""
    if item.kind == Kind.SINGLE:
        return all(option.score is not None for option in item.options)
    return item.kind in (Kind.SCALE, Kind.NUMBER)


@up_to_a_hole
def _score(score: Score, path: Path, source: str) -> Iterator[Problem]:
    if not score.items:
        yield Problem((*path, "items"), "the score needs items", source=source)
    for number, key in enumerate(score.reversed):
        if key not in score.items:
            what = f"“{key}” is not among the score's items"
            yield Problem((*path, "reversed", number), what, nearest(key, score.items), source)
    if not 1 <= score.needed <= max(len(score.items), 1):
        yield Problem((*path, "least_answered"), f"must be from 1 to {len(score.items)}", source=source)
    starts = [band.minimum for band in score.bands]
    if starts != sorted(set(starts)):
        yield Problem((*path, "bands"), "each band must start above the one before", source=source)
    yield from repeated((band.key for band in score.bands), (*path, "bands"), source)
