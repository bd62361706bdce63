from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection

from tests.factories import NOW, identity_of, make_participant, make_trial
from trial.audit.context import acting
from trial.core import chance
from trial.people.errors import AlreadyRegistered, IdentityMissing
from trial.people.identity import NotReadable, vault
from trial.people.models import IdentityRecord, Participant, Status
from trial.people.selectors import participants_by_phone, participants_by_phone_indexes
from trial.people.services import Contact, change_phone, phones_for_sending

KARI = Contact(name="Kari Nordmann", phone="68 05 00 11", email="Kari@Example.org", postal_code="7030")


def test_a_registered_person_is_a_study_id_and_a_sealed_identity(tiny, north):
    participant = make_participant(tiny, north, contact=KARI)
    assert participant.statuses.get().name == Status.REGISTERED
    assert identity_of(participant).phone == "+4768050011"
    assert identity_of(participant).email == "kari@example.org"
    record = participant.identity
    assert b"Kari" not in bytes(record.name)
    assert b"68050011" not in bytes(record.phone)


def test_the_same_person_is_refused_and_told_apart_by_name_on_a_family_phone(tiny, north):
    first = make_participant(tiny, north, contact=KARI)
    with pytest.raises(AlreadyRegistered) as refusal:
        make_participant(tiny, north, contact=Contact(name="kari  NORDMANN", phone="+47 68050011"))
    assert refusal.value.participant == first
    spouse = make_participant(tiny, north, contact=Contact(name="Ola Nordmann", phone="68050011"))
    assert set(participants_by_phone("+4768050011")) == {first, spouse}
    index = bytes(spouse.identity.phone_index)
    assert participants_by_phone_indexes([index, b"unknown"]) == {index: [first, spouse]}


def test_the_identity_number_tells_people_apart_where_the_protocol_collects_it(db):
    trial = make_trial("numbered", changes={'identity_number = "none"': 'identity_number = "norwegian"'})
    first = make_participant(
        trial, contact=Contact(name="Kari", phone="68050011", identity_number="150385 10190")
    )
    with pytest.raises(AlreadyRegistered) as refusal:
        make_participant(
            trial, contact=Contact(name="K. N.", phone="68050012", identity_number="15038510190")
        )
    assert refusal.value.participant == first
    with pytest.raises(IdentityMissing):
        make_participant(trial, contact=KARI)
    with pytest.raises(NotReadable):
        make_participant(trial, contact=Contact(name="Kari", phone="68050011", identity_number="15038510191"))


def test_the_same_person_may_take_part_in_another_trial_and_nothing_links_the_two(tiny, north):
    other = make_trial("other")
    here, there = make_participant(tiny, north, contact=KARI), make_participant(other, contact=KARI)
    assert bytes(here.identity.person_index) != bytes(there.identity.person_index)


def test_nothing_is_left_of_a_refused_registration(tiny, north):
    make_participant(tiny, north, contact=KARI)
    with pytest.raises(AlreadyRegistered):
        make_participant(tiny, north, contact=KARI)
    assert Participant.objects.count() == IdentityRecord.objects.count() == 1


def test_a_study_id_that_is_taken_is_drawn_anew(tiny, north):
    with chance.seeded(1):
        first = make_participant(tiny, north)
    with chance.seeded(1):
        second = make_participant(tiny, north)
    assert first.study_id != second.study_id
    assert identity_of(second).name != identity_of(first).name


@pytest.mark.django_db(transaction=True)
def test_fifty_at_once_make_one_participant():
    trial = make_trial()
    north = trial.sites.get(key="north")

    def register(_attempt):
        try:
            with acting("public"):
                return make_participant(trial, north, contact=KARI).pk, True
        except AlreadyRegistered as refusal:
            return refusal.participant.pk, False
        finally:
            connection.close()

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(register, range(50)))
    assert len({pk for pk, _ in answers}) == 1
    assert [new for _, new in answers].count(True) == 1
    assert Participant.objects.count() == 1


def test_a_new_phone_number_replaces_the_old_one(tiny, north):
    participant = make_participant(tiny, north, contact=KARI)
    change_phone(participant=participant, phone="68 05 00 22", by=None, now=NOW)
    assert identity_of(participant).phone == "+4768050022"
    assert not participants_by_phone("+4768050011").exists()
    assert identity_of(participant).name == "Kari Nordmann"
    with pytest.raises(AlreadyRegistered):
        make_participant(tiny, north, contact=Contact(name="Kari Nordmann", phone="68050022"))
    with pytest.raises(NotReadable):
        change_phone(participant=participant, phone="12", by=None, now=NOW)


def test_a_phone_number_that_makes_two_people_one_is_refused(tiny, north):
    first = make_participant(tiny, north, contact=KARI)
    second = make_participant(tiny, north, contact=Contact(name="Kari Nordmann", phone="68050033"))
    with pytest.raises(AlreadyRegistered) as refusal:
        change_phone(participant=second, phone="68050011", by=None, now=NOW)
    assert refusal.value.participant == first
    assert identity_of(second).phone == "+4768050033"


def test_phones_of_many_take_one_query(tiny, north, django_assert_num_queries):
    people = [make_participant(tiny, north) for _ in range(5)]
    with django_assert_num_queries(1):
        assert set(phones_for_sending([p.pk for p in people])) == {p.pk for p in people}


def test_a_value_moved_to_another_person_does_not_open(tiny, north):
    kari, ola = make_participant(tiny, north, contact=KARI), make_participant(tiny, north)
    IdentityRecord.objects.filter(participant=ola).update(phone=kari.identity.phone)
    with pytest.raises(vault.CannotOpen):
        phones_for_sending([ola.pk])


def test_the_database_refuses_a_site_of_another_trial(tiny):
    other = make_trial("other")
    misplaced = Participant.objects.filter(pk=make_participant(tiny).pk)
    misplaced.update(site=other.sites.get(key="north"))
    with pytest.raises(IntegrityError, match="site_is_of_the_trial"):
        connection.check_constraints()
