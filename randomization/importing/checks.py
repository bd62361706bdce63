"""What rows must be together: positions without a gap, blocks by the ratio, numbers that tell nothing."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from django.utils.translation import gettext as _

from randomization.designs import ImportedDesign, Places
from randomization.importing.columns import CODE, POSITION
from randomization.importing.defects import Defect
from randomization.importing.lines import Line
from randomization.importing.table import is_spoiled
from randomization.importing.words import ListWords, plain

_CODE = re.compile(r"[\w ./-]{0,40}")
"""Nothing that a spreadsheet or a page would take for more than a number."""
_SURPRISING = 20
"""So many coins fall the same way once in a million times: then a number tells the arm on purpose."""

Lines = Mapping[str, Sequence[Line]]


def positions(by_stratum: Lines, before: Places, lost: int) -> Iterator[Defect]:
    """Each position once and in order, going on after `before`.

    A gap is not told where rows that are told anyway may be what is missing: those with a defect in their
    position, and the `lost` ones without a stratum.
    """
    for stratum, lines in by_stratum.items():
        found = list(_misplaced(stratum, lines, len(before[stratum])))
        yield from found
        refused = lost + len(found) + sum(line.position is None for line in lines)
        yield from _gaps(stratum, lines, len(before[stratum]), refused)


def _misplaced(stratum: str, lines: Sequence[Line], sealed: int) -> Iterator[Defect]:
    seen: dict[int, int] = {}
    last = sealed
    for line in lines:
        if line.position is None:
            continue
        said = {"position": line.position, "stratum": stratum}
        if line.position in seen:
            what = _("Position %(position)s of %(stratum)s stands in row %(other)s already.")
            yield Defect(what % {**said, "other": seen[line.position]}, line.row, POSITION)
            continue
        if line.position <= sealed:
            what = _("The first positions of %(stratum)s are sealed already: the next one is %(next)s.")
            yield Defect(what % {"stratum": stratum, "next": sealed + 1}, line.row, POSITION)
        elif line.position < last:
            what = _("Position %(position)s of %(stratum)s comes after %(last)s: the rows must be in order.")
            yield Defect(what % {**said, "last": last}, line.row, POSITION)
        seen[line.position] = line.row
        last = max(last, line.position)


def _gaps(stratum: str, lines: Sequence[Line], sealed: int, refused: int) -> Iterator[Defect]:
    rows = {line.position: line.row for line in lines if line.position is not None and line.position > sealed}
    if max(rows, default=sealed) - sealed - len(rows) <= refused:
        return
    previous = sealed
    for position in sorted(rows):
        if position > previous + 1:
            missing = f"{previous + 1}–{position - 1}" if position > previous + 2 else str(previous + 1)
            what = _("Before this row, position %(missing)s of %(stratum)s is missing.")
            yield Defect(what % {"missing": missing, "stratum": stratum}, rows[position], POSITION)
        previous = position


def unused(by_stratum: Lines, design: ImportedDesign) -> Iterator[Defect]:
    """Strata and arms without a place."""
    for stratum, lines in by_stratum.items():
        if not lines:
            yield Defect(_("The stratum %(stratum)s has no place.") % {"stratum": stratum})
    lists = [line.arm for lines in by_stratum.values() for line in lines]
    for arm in design.ratio:
        if lists and arm not in lists and None not in lists:
            yield Defect(_("No place is for the arm %(arm)s.") % {"arm": arm})


def blocks(by_stratum: Lines, before: Places, design: ImportedDesign) -> Iterator[Defect]:
    """Each block by the ratio, the last one as far as it goes."""
    size = design.block_size
    if size is None:
        return
    most = {arm: share * size // len(design.arms) for arm, share in design.ratio.items()}
    for stratum, lines in by_stratum.items():
        held = dict(enumerate(before[stratum], start=1))
        rows: dict[int, int] = {}
        for line in lines:
            if line.position is not None and line.position not in held:
                held[line.position] = line.arm or ""
                rows[line.position] = line.row
        for block in sorted({(position - 1) // size for position in rows}):
            places = range(block * size + 1, block * size + size + 1)
            arms = [held[place] for place in places if place in held]
            readable = "" not in arms and arms and set(places[: len(arms)]) <= held.keys()
            if readable and any(count > most[arm] for arm, count in Counter(arms).items()):
                what = _(
                    "Positions %(first)s–%(last)s of %(stratum)s are a block, but not in the ratio %(ratio)s."
                )
                said = {
                    "first": places[0],
                    "last": places[len(arms) - 1],
                    "stratum": stratum,
                    "ratio": ":".join(map(str, design.ratio.values())),
                }
                yield Defect(what % said, rows[max(place for place in places if place in rows)], "")


def codes(lines: Sequence[Line], words: ListWords, before: frozenset[str]) -> Iterator[Defect]:
    """Every place has its own number, and no number tells the arm: numbers are not sealed."""
    if not any(line.code for line in lines) and not before:
        return
    seen: dict[str, int] = {}
    telling = [word for word in words.arms if len(word) > 2 and not word.isdigit()]
    for line in lines:
        code = plain(line.code)
        if is_spoiled(line.code):
            continue
        if not code:
            yield Defect(_("The cell is empty."), line.row, CODE)
        elif not _CODE.fullmatch(line.code):
            what = _(
                "A randomization number has at most 40 characters: letters, digits, spaces and - _ . / only."
            )
            yield Defect(what, line.row, CODE)
        elif code in seen:
            what = _("This randomization number stands in row %(other)s already.") % {"other": seen[code]}
            yield Defect(what, line.row, CODE)
        elif code in before:
            yield Defect(_("This randomization number is in the sealed list already."), line.row, CODE)
        elif any(word in code for word in telling):
            yield Defect(
                _("This randomization number names an arm, and numbers are not sealed."), line.row, CODE
            )
        seen.setdefault(code, line.row)
    if any(_tells(lines, part) for part in _parts(lines)):
        what = _("The randomization numbers tell the arm by one of their characters or by their length.")
        yield Defect(what, None, CODE)


def _parts(lines: Sequence[Line]) -> Iterator[Callable[[str], str]]:
    """What somebody may look at: the length of a number, and each character from either end."""
    yield lambda code: str(len(code))
    for at in range(max((len(line.code) for line in lines), default=0)):
        yield partial(_character, at=at)
        yield partial(_character, at=-at - 1)


def _character(code: str, at: int) -> str:
    return code[at] if -len(code) <= at < len(code) else ""


def _tells(lines: Sequence[Line], part: Callable[[str], str]) -> bool:
    """Whether a part of the number is always one and the same arm's, surely not by chance."""
    arms: dict[str, set[str]] = {}
    known = [line for line in lines if line.code and line.arm]
    for line in known:
        arms.setdefault(part(line.code), set()).add(line.arm or "")
    told = all(len(one) == 1 for one in arms.values())
    return told and len(arms) > 1 and len(known) - len(arms) >= _SURPRISING


def notes(places: Places, design: ImportedDesign) -> list[str]:
    """Shorter than planned; far from the ratio although no block size says how near it must be."""
    found = []
    short = [stratum for stratum, held in places.items() if len(held) < design.places_per_stratum]
    if len(short) == len(places):
        what = _("Fewer places than the protocol plans (%(planned)s) in every stratum.")
        found.append(what % {"planned": design.places_per_stratum})
    elif short:
        what = _("Fewer places than the protocol plans (%(planned)s) in: %(strata)s.")
        found.append(what % {"planned": design.places_per_stratum, "strata": ", ".join(short)})
    if design.block_size is None and _far_from_ratio(places, design):
        found.append(
            _("The arms are far from the protocol's ratio, and no block size says how they are mixed.")
        )
    return found


def _far_from_ratio(places: Places, design: ImportedDesign) -> bool:
    """By more than four standard deviations of a list that is drawn by the ratio."""
    arms = Counter(arm for held in places.values() for arm in held)
    total, unit = sum(arms.values()), len(design.arms)
    return any(
        (arms[arm] - total * share / unit) ** 2 > 16 * total * share / unit * (1 - share / unit)
        for arm, share in design.ratio.items()
    )
