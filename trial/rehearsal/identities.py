"""Who simulated people say that they are: no real person has these phones or identity numbers."""

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from stdnum import luhn

FICTIONAL_PHONES = {  # reserved for books and films by Nkom and PTS
    "NO": [f"+476805{number:04d}" for number in range(100)],
    "SE": [f"+46701740{number}" for number in range(605, 700)],
}
AREAS = (201, 202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216, 217, 218, 219, 224, 225, 228)
"""Area codes in each of which the North American Numbering Plan reserves 555-0100 to 0199 for fiction."""

FIRST_NAMES = (
    "Anna", "Bjørn", "Cecilie", "David", "Eva", "Fredrik", "Gunn", "Hanna", "Ivar", "Johanna", "Kåre",
    "Linnéa", "Magnus", "Nora", "Oskar", "Petra", "Ragnhild", "Sven", "Turid", "Åsa",
)  # fmt: skip
LAST_NAMES = (
    "Aasen", "Berg", "Dahl", "Ek", "Fjeld", "Granli", "Holm", "Isaksen", "Kvist", "Lindqvist", "Moe",
    "Nygård", "Öberg", "Persson", "Rønning", "Sand", "Tveit", "Vik", "Wallin", "Ås",
)  # fmt: skip


def phones(country: str) -> Iterator[str]:
    """The fictional numbers of the country, then those of North America: some 2,000 in all."""
    yield from FICTIONAL_PHONES[country]
    yield from (f"+1{area}55501{number:02d}" for number in range(100) for area in AREAS)


def name(chance: Random) -> str:
    return f"{chance.choice(FIRST_NAMES)} {chance.choice(LAST_NAMES)}"


def identity_number(kind: str, chance: Random) -> str:
    """A number of the test series of the country; empty where the trial asks for none."""
    if kind == "none":
        return ""
    return {"norwegian": _norwegian, "swedish": _swedish}[kind](chance)


def _born(chance: Random) -> date:
    return date(1960, 1, 1) + timedelta(days=chance.randrange(40 * 365))


def _norwegian(chance: Random) -> str:
    """Month + 80, the synthetic series of Skatteetaten."""
    while True:
        born = _born(chance)
        individual = chance.randrange(0, 500) if born.year < 2000 else chance.randrange(500, 1000)
        digits = [int(digit) for digit in f"{born.day:02}{born.month + 80:02}{born:%y}{individual:03}"]
        for weights in ((3, 7, 6, 1, 8, 9, 4, 5, 2), (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)):
            digits.append(-sum(w * d for w, d in zip(weights, digits, strict=True)) % 11)
        if max(digits) < 10:
            return "".join(map(str, digits))


def _swedish(chance: Random) -> str:
    """Birth numbers 238 and 239, the test series of Skatteverket."""
    born = f"{_born(chance):%y%m%d}{chance.choice((238, 239))}"
    century = "19" if born[:2] >= "60" else "20"
    return f"{century}{born}{luhn.calc_check_digit(born)}"
