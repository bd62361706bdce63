"""Checks a protocol with its instruments: first the form of each file, then what it says."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from types import MappingProxyType

from trial.protocol.checks import answers, design, items, plan, texts
from trial.protocol.checks.problems import PROTOCOL, Problem, ProtocolProblems, nearest
from trial.protocol.checks.shape import shaped
from trial.protocol.locate import line_at, lines_of
from trial.protocol.reading import Sources, Study
from trial.protocol.schema import Instrument, Protocol

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
    mistakes = [problem for problem in found if not problem.note]
    if study is None or mistakes:
        raise ProtocolProblems(mistakes)
    return study


def findings(sources: Sources) -> tuple[Study | None, list[Problem]]:
    """The study, where the files have the right form, and all mistakes and notes, in the files' order."""
    protocol = shaped(Protocol, sources.protocol, PROTOCOL)
    instruments = {key: shaped(Instrument, text, key) for key, text in sources.instruments.items()}
    wrong = [
        problem for shape in (protocol, *instruments.values()) if isinstance(shape, list) for problem in shape
    ]
    study = None
    if isinstance(protocol, Protocol):
        wrong += _missing_instruments(protocol, sources)
        right = {key: shape for key, shape in instruments.items() if isinstance(shape, Instrument)}
        study = Study(protocol, MappingProxyType(right))
        if not wrong:
            wrong = [problem for one in CHECKS for problem in one(study)]
    return study, _placed(wrong, sources)


def _missing_instruments(protocol: Protocol, sources: Sources) -> list[Problem]:
    return [
        Problem(
            ("instruments", number, "instrument"),
            f"there is no file instruments/{use.instrument}.toml beside this one",
            nearest(use.instrument, sources.instruments),
        )
        for number, use in enumerate(protocol.instruments)
        if use.instrument not in sources.instruments
    ]


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
