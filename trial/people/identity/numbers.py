"""National identity numbers of Norway and Sweden.

Norway: fødselsnummer and D-number (day + 40), their synthetic series (month + 40 and month + 80), with the
control digits of today and of 2032, when the first one may leave a remainder of 0 to 3 (Skatteetaten, "Ny
kontrollsifferrutine"); the second digit alone still catches every wrong digit and every swap of neighbours.
python-stdnum refuses the last two, so Norway's rule stands here. Sweden: personnummer and samordningsnummer
(day + 60), `+` for who turns 100 this year or did before; the check digit is stdnum's. Nothing in a Swedish
number tells test people for sure: before 1990, when each county had a range of its own, the birth numbers 238
and 239 of Skatteverket's test series were given to real people. So a running trial accepts them too.
"""

import re
from datetime import date
from enum import StrEnum

from django.conf import settings
from django.utils.translation import gettext as _
from stdnum import luhn

from trial.people.identity.normalise import NotReadable


class NotAnIdentityNumber(NotReadable):
    """No person can have this number."""


class IdentityCountry(StrEnum):
    NORWAY = "norwegian"
    SWEDEN = "swedish"


def normalise_identity_number(raw: str, country: str, *, today: date) -> str:
    """The number in its one written form: 11 digits (Norway) or 12 digits with century (Sweden).

    Raises NotAnIdentityNumber for wrong control digits, impossible dates and people not yet born on `today`.
    """
    rule = {IdentityCountry.NORWAY: _norwegian, IdentityCountry.SWEDEN: _swedish}[IdentityCountry(country)]
    return rule(raw.strip(), today)


_K1_WEIGHTS = (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)
_K2_WEIGHTS = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)
_K1_REMAINDERS = (0, 1, 2, 3)


def _norwegian(raw: str, today: date) -> str:
    number = re.sub(r"[\s.-]", "", raw)
    if not re.fullmatch(r"[0-9]{11}", number):
        raise NotAnIdentityNumber(_("A Norwegian identity number has 11 digits."))
    digits = [int(digit) for digit in number]
    if _remainder(_K1_WEIGHTS, digits) not in _K1_REMAINDERS or _remainder(_K2_WEIGHTS, digits) != 0:
        raise _mistyped()
    day, month = int(number[:2]), int(number[2:4])
    if month > 12 and not settings.ACCEPT_TEST_IDENTITY_NUMBERS:
        raise NotAnIdentityNumber(_("This identity number belongs to a test series; no person has it."))
    day -= 40 if day > 40 else 0
    month -= 80 if month > 80 else 40 if month > 40 else 0
    _must_be_born(_norwegian_year(int(number[4:6]), int(number[6:9])), month, day, today)
    return number


def _remainder(weights: tuple[int, ...], digits: list[int]) -> int:
    return sum(weight * digit for weight, digit in zip(weights, digits, strict=False)) % 11


def _norwegian_year(year: int, individual: int) -> int:
    """The century stands in the individual number (personnummer) and the two digits of the year."""
    if individual < 500:
        return 1900 + year
    if individual < 750 and year >= 54:
        return 1800 + year
    if year < 40:
        return 2000 + year
    if individual >= 900:
        return 1900 + year
    raise _mistyped()


_SWEDISH = re.compile(r"([0-9]{2})?([0-9]{2})([0-9]{2})([0-9]{2})([-+]?)([0-9]{4})")


def _swedish(raw: str, today: date) -> str:
    match = _SWEDISH.fullmatch(re.sub(r"\s", "", raw).replace("–", "-"))
    if not match:
        raise NotAnIdentityNumber(
            _("A Swedish identity number has 10 or 12 digits, such as YYMMDD-NNNN or YYYYMMDD-NNNN.")
        )
    century, year, month, day, sign, last = match.groups()
    if not luhn.is_valid(year + month + day + last):
        raise _mistyped()
    full_year = int(century + year) if century else _swedish_year(int(year), sign, today)
    coordination = int(day) > 60
    _must_be_born(full_year, int(month), int(day) - (60 if coordination else 0), today)
    return f"{full_year}{month}{day}{last}"


def _swedish_year(year: int, sign: str, today: date) -> int:
    """The latest such year that is not in the future; with `+` a hundred years before (folkbokföringslagen
    § 18)."""
    full = today.year - (today.year - year) % 100
    return full - 100 if sign == "+" else full


def _must_be_born(year: int, month: int, day: int, today: date) -> None:
    try:
        born = date(year, month, day)
    except ValueError:
        raise NotAnIdentityNumber(_("The identity number starts with a date that does not exist.")) from None
    if born > today:
        raise NotAnIdentityNumber(_("The identity number starts with a date that has not come yet."))


def _mistyped() -> NotAnIdentityNumber:
    return NotAnIdentityNumber(_("The identity number does not add up. Check that each digit is right."))
