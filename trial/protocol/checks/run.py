"""Checks a protocol with its instruments: the form of each file, and what can be read of it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from types import MappingProxyType

from trial.protocol.checks import answers, design, items, plan, texts
from trial.protocol.checks.problems import PROTOCOL, Problem, ProtocolProblems, nearest
from trial.protocol.checks.readable import unreadable, up_to_a_hole
from trial.protocol.checks.shape import shaped
from trial.protocol.locate import Path, line_at, lines_of
from trial.protocol.reading import Sources, Study
from trial.protocol.schema import Instrument, InstrumentUse, Protocol

CHECKS: tuple[Callable[[Study], Iterator[Problem]], ...] = (
    texts.check,
    items.check,
    answers.check,
    design.check,
    plan.check,
)


def check(sources: Sources) -> Study:
    """The study that the files describe. Raises ProtocolProblems with every mistake in them."""
    study, found = findings(sources)
    if study is None:
        raise ProtocolProblems(problem for problem in found if not problem.note)
    return study


def findings(sources: Sources) -> tuple[Study | None, list[Problem]]:
    """The study, where nothing is wrong with the files, and all mistakes and notes, in the files' order."""
    protocol, found = shaped(Protocol, sources.protocol, PROTOCOL)
    instruments = {}
    for key, text in sources.instruments.items():
        instruments[key], wrong = shaped(Instrument, text, key)
        found += wrong
    for key, problem in _missing_instruments(protocol, sources):
        instruments[key] = unreadable(Instrument)
        found.append(problem)
    study = Study(protocol, MappingProxyType(instruments))
    found += [problem for one in CHECKS for problem in one(study)]
    is_right = all(problem.note for problem in found)
    return study if is_right else None, _placed(found, sources)


@up_to_a_hole
def _missing_instruments(protocol: Protocol, sources: Sources) -> Iterator[tuple[str, Problem]]:
    for number, use in enumerate(protocol.instruments):
        yield from _missing_instrument(use, ("instruments", number, "instrument"), sources)


@up_to_a_hole
def _missing_instrument(use: InstrumentUse, path: Path, sources: Sources) -> Iterator[tuple[str, Problem]]:
    key = use.instrument
    if key not in sources.instruments:
        what = f"there is no file instruments/{key}.toml beside this one"
        yield key, Problem(path, what, nearest(key, sources.available))


def _placed(problems: list[Problem], sources: Sources) -> list[Problem]:
    """The problems with their lines, sorted."""
    texts_by_source = {PROTOCOL: sources.protocol, **sources.instruments}
    lines = {}
    for source in {problem.source for problem in problems if problem.path}:
        lines[source] = lines_of(texts_by_source[source])
    placed = [
        replace(problem, line=line_at(lines[problem.source], problem.path)) if problem.path else problem
        for problem in problems
    ]
    return ProtocolProblems(placed).problems
