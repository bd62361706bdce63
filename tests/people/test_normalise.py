from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from trial.people.identity import (
    NotAnIdentityNumber,
    NotReadable,
    name_for_comparison,
    normalise_email,
    normalise_identity_number,
    normalise_name,
    normalise_phone,
    normalise_postal_code,
)
from trial.people.identity.numbers import _K1_WEIGHTS, _K2_WEIGHTS, _remainder

TODAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("typed", "region", "written"),
    [
        ("68 05 00 00", "NO", "+4768050000"),
        ("+47 68 05 00 99", "SE", "+4768050099"),
        ("0047 68050000", "NO", "+4768050000"),
        ("070-174 06 05", "SE", "+46701740605"),
        ("+46 70 174 06 99", "NO", "+46701740699"),
        ("  (070) 1740605 ", "SE", "+46701740605"),
    ],
)
def test_a_phone_number_has_one_written_form(typed, region, written):
    assert normalise_phone(typed, region) == written


@pytest.mark.parametrize("typed", ["22 85 00 00", "+46 31 786 00 00", "800 12 345"])
def test_a_phone_that_cannot_get_an_sms_is_refused_with_what_to_do(typed):
    with pytest.raises(NotReadable, match="landline"):
        normalise_phone(typed, "NO")


def test_a_mobile_from_abroad_is_accepted():
    assert normalise_phone("+44 7400 123456", "NO") == "+447400123456"


def test_a_running_trial_refuses_the_landlines_that_are_reserved_for_fiction(settings):
    settings.ACCEPT_TEST_IDENTITY_NUMBERS = False
    with pytest.raises(NotReadable, match="landline"):
        normalise_phone("68 05 00 00", "NO")
    assert normalise_phone("070-174 06 05", "SE") == "+46701740605"


@pytest.mark.parametrize("typed", ["", "ring meg", "123", "+47 12", "999999999999999"])
def test_what_is_no_phone_number_is_refused_with_what_to_do(typed):
    with pytest.raises(NotReadable, match=r"digits|Check|siffer|Skriv|Sjekk"):
        normalise_phone(typed, "NO")


@pytest.mark.parametrize(
    ("typed", "country", "written"),
    [
        ("150385 10190", "norwegian", "15038510190"),
        ("55038510184", "norwegian", "55038510184"),
        ("15438510092", "norwegian", "15438510092"),
        ("15838510075", "norwegian", "15838510075"),
        ("15838510083", "norwegian", "15838510083"),
        ("811228-9874", "swedish", "198112289874"),
        ("19811228-9874", "swedish", "198112289874"),
        ("8112289874", "swedish", "198112289874"),
        ("120211+9986", "swedish", "191202119986"),
        ("701063-2391", "swedish", "197010632391"),
    ],
)
def test_identity_numbers_that_people_and_test_people_have(typed, country, written):
    assert normalise_identity_number(typed, country, today=TODAY) == written


@pytest.mark.parametrize(
    ("typed", "country"),
    [
        ("15038510191", "norwegian"),  # second control digit
        ("15038510290", "norwegian"),  # a wrong digit
        ("1503851019", "norwegian"),  # too short
        ("81122898", "swedish"),
        ("811228-9875", "swedish"),
        ("20811228-9874", "swedish"),  # not born yet
        ("", "norwegian"),
        ("abcdefghijk", "norwegian"),
        ("", "swedish"),
    ],
)
def test_identity_numbers_that_nobody_can_have(typed, country):
    with pytest.raises(NotAnIdentityNumber):
        normalise_identity_number(typed, country, today=TODAY)


def norwegian(first_nine: str) -> str | None:
    """The number with today's control digits; None where there is none."""
    digits = [int(digit) for digit in first_nine]
    k1 = -_remainder(_K1_WEIGHTS[:9], digits) % 11
    k2 = -_remainder(_K2_WEIGHTS[:10], [*digits, k1]) % 11
    return None if 10 in (k1, k2) else f"{first_nine}{k1}{k2}"


def test_a_date_that_does_not_exist_or_has_not_come_is_refused():
    impossible = next(filter(None, (norwegian(f"300285{individual:03d}") for individual in range(100, 120))))
    with pytest.raises(NotAnIdentityNumber, match="date"):
        normalise_identity_number(impossible, "norwegian", today=TODAY)
    unborn = next(filter(None, (norwegian(f"010130{individual:03d}") for individual in range(500, 520))))
    with pytest.raises(NotAnIdentityNumber, match="not come"):
        normalise_identity_number(unborn, "norwegian", today=TODAY)
    assert normalise_identity_number(unborn, "norwegian", today=date(2031, 1, 1)) == unborn


def test_a_running_trial_refuses_the_test_series(settings):
    settings.ACCEPT_TEST_IDENTITY_NUMBERS = False
    assert normalise_identity_number("15038510190", "norwegian", today=TODAY)
    for synthetic in ("15438510092", "15838510075", "15838510083"):
        with pytest.raises(NotAnIdentityNumber, match="test series"):
            normalise_identity_number(synthetic, "norwegian", today=TODAY)


def test_a_running_trial_accepts_a_swede_whose_county_gave_out_the_later_test_series(settings):
    settings.ACCEPT_TEST_IDENTITY_NUMBERS = False
    born_in_ostergotland = f"750614238{luhn.calc_check_digit('750614238')}"
    assert normalise_identity_number(born_in_ostergotland, "swedish", today=TODAY)


@given(st.integers(0, 10), st.integers(0, 9))
def test_every_wrong_digit_of_a_norwegian_number_is_caught(position, digit):
    right = "15038510190"
    typed = right[:position] + str(digit) + right[position + 1 :]
    if typed != right:
        with pytest.raises(NotAnIdentityNumber):
            normalise_identity_number(typed, "norwegian", today=TODAY)


@given(st.text())
def test_whatever_is_typed_is_read_or_refused_never_a_crash(typed):
    for normalise in (
        lambda raw: normalise_phone(raw, "NO"),
        lambda raw: normalise_identity_number(raw, "norwegian", today=TODAY),
        lambda raw: normalise_identity_number(raw, "swedish", today=TODAY),
        normalise_email,
        normalise_name,
        lambda raw: normalise_postal_code(raw, "SE"),
    ):
        try:
            assert normalise(typed)
        except NotReadable:
            continue


def test_email_postal_code_and_name():
    assert normalise_email("  Kari.Nordmann@Example.ORG ") == "kari.nordmann@example.org"
    assert normalise_postal_code("222 22", "SE") == "22222"
    assert normalise_postal_code("7030", "NO") == "7030"
    assert normalise_name("  Kari   Nordmann ") == "Kari Nordmann"
    assert name_for_comparison("KARI  nordmann") == name_for_comparison("Kari Nordmann")
    for refused in (
        lambda: normalise_email("kari"),
        lambda: normalise_postal_code("703", "NO"),
        lambda: normalise_name("12"),
    ):
        with pytest.raises(NotReadable):
            refused()
