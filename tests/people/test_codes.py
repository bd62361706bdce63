from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from tests.factories import NOW, make_contact, make_participant, make_trial
from trial.audit.context import acting
from trial.people.errors import IdentityErased, TooManyCodes, WrongCode
from trial.people.models import AccessCode, Purpose, Status
from trial.people.services import (
    add_status,
    issue_code,
    issue_codes_for_phone,
    issue_long_codes,
    participant_by_code,
    redeem_code,
    redeem_code_for_phone,
)

MINUTE = timedelta(minutes=1)
PHONE = "+4768050042"


@pytest.fixture
def kari(tiny, north):
    return make_participant(tiny, north, contact=make_contact(name="Kari", phone=PHONE))


@pytest.fixture
def ola(tiny, north):
    return make_participant(tiny, north, contact=make_contact(name="Ola", phone=PHONE))


def other_than(code):
    return f"{(int(code) + 1) % 10**6:06d}"


def issue(participant, now=NOW, purpose=Purpose.OWN_PAGE):
    return issue_code(participant=participant, purpose=purpose, now=now)


def redeem(participant, code, now=NOW, purpose=Purpose.OWN_PAGE):
    return redeem_code(participant=participant, code=code, purpose=purpose, now=now)


def test_a_code_opens_once(kari):
    code = issue(kari)
    assert redeem(kari, f" {code[:3]} {code[3:]}", NOW + 9 * MINUTE) == kari
    with pytest.raises(WrongCode):
        redeem(kari, code, NOW + 9 * MINUTE)


def test_a_code_sent_to_one_number_confirms_no_other(kari):
    asked = {"participant": kari, "purpose": Purpose.NEW_PHONE, "now": NOW}
    code = issue_code(**asked, about="+4768050001")
    for number in ("+4768050002", ""):
        with pytest.raises(WrongCode):
            redeem_code(**asked, code=code, about=number)
    assert redeem_code(**asked, code=code, about="+4768050001") == kari


def test_a_code_is_not_kept_in_clear(kari):
    code = issue(kari)
    assert code.encode() not in bytes(AccessCode.objects.get().code_hash)


@pytest.mark.parametrize("wrong", ["late", "purpose", "person", "digits", "nothing"])
def test_any_other_code_is_refused_with_the_same_sentence(kari, ola, wrong):
    code, now, purpose, person = issue(kari), NOW + MINUTE, Purpose.OWN_PAGE, kari
    match wrong:
        case "late":
            now = NOW + 10 * MINUTE
        case "purpose":
            purpose = Purpose.NEW_PHONE
        case "person":
            person = ola
        case "digits":
            code = other_than(code)
        case "nothing":
            code = ""
    with pytest.raises(WrongCode) as refusal:
        redeem(person, code, now, purpose)
    assert str(refusal.value) == str(_refusal_for(kari))


def _refusal_for(participant):
    with pytest.raises(WrongCode) as refusal:
        redeem(participant, "x")
    return refusal.value


def test_after_five_tries_the_right_code_is_refused_too(kari):
    code = issue(kari)
    for _ in range(5):
        with pytest.raises(WrongCode):
            redeem(kari, other_than(code))
    with pytest.raises(WrongCode):
        redeem(kari, code)


def test_a_phone_gets_five_codes_an_hour_whosever_they_are(kari, ola):
    for number in range(5):
        issue(kari if number % 2 else ola, NOW + number * MINUTE)
    with pytest.raises(TooManyCodes):
        issue(kari, NOW + 6 * MINUTE)
    assert issue(kari, NOW + 61 * MINUTE)


def test_a_family_phone_gets_a_code_for_each_and_the_code_says_who_it_is(kari, ola):
    issued = dict(issue_codes_for_phone(phone=PHONE, purpose=Purpose.OWN_PAGE, now=NOW))
    assert set(issued) == {kari, ola}
    assert (
        redeem_code_for_phone(phone=PHONE, code=issued[ola], purpose=Purpose.OWN_PAGE, now=NOW + MINUTE)
        == ola
    )


def test_an_unknown_phone_is_answered_like_any_other(db):
    assert issue_codes_for_phone(phone="+4768050099", purpose=Purpose.OWN_PAGE, now=NOW) == []
    with pytest.raises(WrongCode):
        redeem_code_for_phone(phone="+4768050099", code="123456", purpose=Purpose.OWN_PAGE, now=NOW)


def test_who_withdrew_the_data_gets_no_code(kari):
    add_status(participant=kari, name=Status.WITHDRAWN_DATA, by=None, now=NOW)
    with pytest.raises(IdentityErased):
        issue(kari)


def test_a_long_code_opens_a_questionnaire_until_it_expires(kari, ola):
    codes = issue_long_codes(
        participants=[kari.pk, ola.pk], purpose=Purpose.QUESTIONNAIRE, now=NOW, valid_for=timedelta(days=14)
    )
    typed = codes[kari.pk].lower().replace("-", " ")
    for days in (0, 13):
        found = participant_by_code(code=typed, purpose=Purpose.QUESTIONNAIRE, now=NOW + timedelta(days=days))
        assert found == kari
    for code, now in ((typed, NOW + timedelta(days=14)), ("K7F-4MX-3RW", NOW), ("", NOW), ("æøå", NOW)):
        with pytest.raises(WrongCode):
            participant_by_code(code=code, purpose=Purpose.QUESTIONNAIRE, now=now)
    with pytest.raises(WrongCode):
        participant_by_code(code=typed, purpose=Purpose.OWN_PAGE, now=NOW)


@pytest.mark.django_db(transaction=True)
def test_of_twenty_who_type_the_right_code_at_once_one_gets_in():
    participant = make_participant(make_trial())
    code = issue(participant)

    def attempt(_number):
        try:
            with acting("public"):
                return redeem(participant, code)
        except WrongCode:
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(attempt, range(20)))
    assert answers.count(participant) == 1
