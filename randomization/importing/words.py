"""By which words an imported list may call arms, factors and levels."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from randomization.design import SITE
from randomization.importing.defects import shown
from trial.protocol.schema import Protocol
from trial.protocol.schema.trial import Level, Site, StratumFactor

DATA_ACCESS_GROUP = "redcap_data_access_group"

Words = Mapping[str, frozenset[str]]
"""A word, as `plain` writes it, to the keys that it can mean: one, or several where it is ambiguous."""


@dataclass(frozen=True)
class FactorWords:
    """A factor, the names that its column may have, and the words for its levels."""

    key: str
    columns: frozenset[str]
    levels: Words


@dataclass(frozen=True)
class ListWords:
    """All that a list may say, in the design's order of factors."""

    arms: Words
    factors: tuple[FactorWords, ...]


def plain(word: str) -> str:
    """The same for upper and lower case, and for one space or several."""
    return " ".join(word.split()).casefold()


def meaning(word: str, words: Words) -> str | None:
    """The one key that the word means; None for an unknown word, and for one that could mean several."""
    meant = words.get(plain(word), frozenset())
    return next(iter(meant)) if len(meant) == 1 else None


def why_not(word: str, words: Words) -> str:
    """What is wrong with a word that has no `meaning`."""
    if not word:
        return _("The cell is empty.")
    if plain(word) in words:
        what = _("“%(cell)s” can mean several things. Give each a code of its own in the protocol.")
        return what % {"cell": shown(word)}
    known = ", ".join(sorted({key for keys in words.values() for key in keys}))
    what = _("“%(cell)s” is not known. The protocol has: %(known)s.")
    return what % {"cell": shown(word), "known": known}


def words_of(protocol: Protocol) -> ListWords:
    """Keys, names in all languages, raw answers and the protocol's codes."""
    arms = {arm.key: [arm.key, arm.code, *arm.name.root.values()] for arm in protocol.arms}
    return ListWords(
        arms=meanings(arms),
        factors=tuple(_factor(factor, protocol) for factor in protocol.randomization.strata),
    )


def meanings(words: Mapping[str, Iterable[str | None]]) -> Words:
    """From key → words to word → keys."""
    found: dict[str, set[str]] = {}
    for key, called in words.items():
        for word in called:
            if word is not None:
                found.setdefault(plain(word), set()).add(key)
    return {word: frozenset(keys) for word, keys in found.items()}


def _factor(factor: StratumFactor, protocol: Protocol) -> FactorWords:
    is_site = factor.source == SITE
    columns = {factor.key, factor.source, factor.code, DATA_ACCESS_GROUP if is_site else None}
    levels = protocol.sites if is_site else factor.levels
    return FactorWords(
        key=factor.key,
        columns=frozenset(plain(column) for column in columns if column),
        levels=meanings({level.key: _called(level) for level in levels}),
    )


def _called(level: Level | Site) -> list[str | None]:
    if isinstance(level, Site):
        return [level.key, level.name, level.code]
    return [level.key, level.code, *level.values, *level.name.root.values()]
