"""Questions as columns: what each answer looks like in a file, and which answers never leave."""

from collections.abc import Iterable, Mapping
from typing import Any

from analysis.export.tables import Cell, Column, range_of
from trial.protocol.schema import Instrument, Item, Kind, Protocol
from trial.questionnaires.scoring import band_of

NEVER = (Kind.TEXT, Kind.POSTAL_CODE)
"""Free text may name somebody, and a postal code narrows people down: neither leaves in an export."""

NUMBERS = (Kind.NUMBER, Kind.SCALE)

Answers = Mapping[str, Any]


def leaves(item: Item, protocol: Protocol) -> bool:
    """Whether the item's answers may be in an export."""
    return item.kind not in NEVER and item.key not in protocol.export.leave_out


def left_out_items(protocol: Protocol, instruments: Iterable[Instrument]) -> list[str]:
    """The items that the snapshot does not hold, for its manifest."""
    items = [*protocol.eligibility.items, *(item for one in instruments for item in one.items)]
    return sorted({item.key for item in items if not leaves(item, protocol)})


def columns_of(item: Item, language: str) -> list[Column]:
    """One column; for `multiple`, one of 1 and 0 for each option."""
    label = item.label.in_(language)
    missing = "not asked (see the protocol's condition) or not answered" if item.shown_if else "not answered"
    if item.kind is Kind.MULTIPLE:
        return [
            Column(
                f"{item.key}__{option.value}",
                f"{label} {option.label.in_(language)}",
                "yes_no",
                missing=missing,
            )
            for option in item.options
        ]
    return [
        Column(
            item.key,
            label,
            _type(item),
            codes={option.value: option.label.in_(language) for option in item.options},
            missing=missing,
            unit=item.unit.in_(language) if item.unit else "",
            range=range_of(item.minimum, item.maximum) if item.kind in NUMBERS else "",
        )
    ]


def cells_of(item: Item, answers: Answers) -> list[Cell]:
    """The cells under `columns_of` for one participant's answers."""
    value = answers.get(item.key)
    if item.kind is Kind.MULTIPLE:
        return [None if value is None else option.value in value for option in item.options]
    return [value]


def long_value(item: Item, value: Any) -> Cell:
    """One answer in one cell; the codes of `multiple` parted by `;`."""
    return ";".join(value) if item.kind is Kind.MULTIPLE else value


def result_columns(instrument: Instrument, language: str) -> list[Column]:
    """Scores, the named range of each score that has any, and groupings."""
    missing = "too few items answered"
    columns = []
    for one in instrument.scores:
        name = one.name.in_(language)
        columns.append(Column(one.key, name, "number", missing=missing))
        if one.bands:
            bands = {band.key: band.label.in_(language) for band in one.bands}
            columns.append(Column(f"{one.key}__band", name, "code", bands, missing))
    for grouping in instrument.groupings:
        groups = {group.key: group.label.in_(language) for group in grouping.groups}
        columns.append(Column(grouping.key, grouping.name.in_(language), "code", groups, missing))
    return columns


def result_cells(instrument: Instrument, results: Mapping[str, Any]) -> list[Cell]:
    """The cells under `result_columns`."""
    cells: list[Cell] = []
    for one in instrument.scores:
        value = results.get(one.key)
        cells.append(value)
        if one.bands:
            band = band_of(one, value)
            cells.append(band.key if band else None)
    return cells + [results.get(grouping.key) for grouping in instrument.groupings]


def _type(item: Item) -> str:
    if item.kind in NUMBERS:
        return "integer" if item.step % 1 == 0 else "number"
    return {Kind.SINGLE: "code", Kind.DATE: "date", Kind.YES_NO: "yes_no"}[item.kind]
