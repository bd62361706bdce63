"""The key of a blinded table: which arm each randomization number stands for."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from randomization.importing.columns import key_columns
from randomization.importing.defects import Defect, ListRefused
from randomization.importing.table import is_spoiled, table_of
from randomization.importing.words import ListWords, meaning, plain, why_not


@dataclass(frozen=True)
class Told:
    """One row of the key."""

    row: int
    word: str
    arm: str | None
    """None where the word was reported as a defect."""


@dataclass(frozen=True)
class Key:
    """What each number stands for, the numbers written as by `plain`; and what is wrong in its rows."""

    numbers: Mapping[str, Told]
    defects: Sequence[Defect]
    column: str
    """What the key calls the numbers."""

    def not_in(self, numbers: Iterable[str]) -> Iterator[Defect]:
        """What the key knows and the list does not."""
        listed = set(map(plain, numbers))
        for number, told in self.numbers.items():
            if number not in listed:
                what = _("This randomization number is not in the list.")
                yield Defect(what, told.row, self.column, in_key=True)


def key_of(raw: bytes, words: ListWords) -> Key:
    """Raises ListRefused for a file in which no number can be looked up."""
    try:
        table = table_of(raw)
        names, number_at, arm_at = key_columns(table)
    except ListRefused as refused:
        raise ListRefused(replace(one, in_key=True) for one in refused.defects) from None
    numbers: dict[str, Told] = {}
    defects = list(table.defects)
    for row, cells in table.rows:
        number, word = plain(cells[number_at]), cells[arm_at]
        arm = meaning(word, words.arms)
        if arm is None and not is_spoiled(word):
            defects.append(Defect(why_not(word, words.arms), row, names[arm_at]))
        if is_spoiled(number):
            continue
        if not number:
            defects.append(Defect(_("The cell is empty."), row, names[number_at]))
        elif number in numbers:
            what = _("This randomization number stands in row %(other)s already.")
            defects.append(Defect(what % {"other": numbers[number].row}, row, names[number_at]))
        else:
            numbers[number] = Told(row, word, arm)
    return Key(numbers, [replace(one, in_key=True) for one in defects], names[number_at])
