"""EQ-5D: the value that the people of a country give to a state of health, from published coefficients.

Sources: 3L Dolan 1997 (UK), Wittrup-Jensen 2009 (Denmark), Burström 2014 (Sweden, experience-based, so that
full health is .9694); 5L Garratt 2025 (Norway), Jensen 2021 (Denmark), Burström 2020 (Sweden,
experience-based) and Sun 2022 (Sweden). The questionnaire's wording belongs to EuroQol and is not here.
"""

import csv
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path

DIMENSIONS = ("MO", "SC", "UA", "PD", "AD")
"""Mobility, self-care, usual activities, pain or discomfort, anxiety or depression."""


def index(value_set: str, levels: Sequence[int]) -> Decimal:
    """The value of five levels, in the order of `DIMENSIONS`; 1 is no problems."""
    terms = [f"{dimension}{level}" for dimension, level in zip(DIMENSIONS, levels, strict=True)]
    worst = max(levels)
    if worst > 1:
        terms.append("AtLeastOne2Or3")
    if worst == 3:
        terms.append("AtLeastOne3")
    if worst == 5:
        terms.append("N5")
    known = _coefficients(value_set)
    return known["start"] + sum((known.get(term, Decimal(0)) for term in terms), Decimal(0))


@cache
def _coefficients(value_set: str) -> dict[str, Decimal]:
    """Coefficients by term: what each level, and any level at all, takes away from full health."""
    instrument, _, country = value_set.partition("_")
    with (Path(__file__).parent / f"{instrument}.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {row["term"]: Decimal(row[country]) for row in rows if row[country]}
