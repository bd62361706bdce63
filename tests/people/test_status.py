from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from tests.factories import NOW, identity_of, lock_data, make_contact, make_participant
from trial.people.errors import AlreadyRegistered, StatusRefused
from trial.people.facts import ABOUT_CONTACT, UNDOES, Barrier, Facts
from trial.people.models import Participant, ParticipantStatus, Status
from trial.people.selectors import (
    contact_barriers,
    current_facts,
    facts,
    statuses,
    without_data_withdrawn,
)
from trial.people.services import add_status, phones_for_sending
from trial.protocol.errors import DataLocked

DAY = timedelta(days=1)


@pytest.fixture
def happens(participant):
    def add(name, days=0, **more):
        return add_status(participant=participant, name=name, by=None, now=NOW + days * DAY, **more)

    return add


def test_a_pause_ends_by_itself_or_when_resumed(participant, happens):
    happens(Status.PAUSED, until=NOW + 14 * DAY)
    assert facts(participant, NOW + DAY).paused
    assert not facts(participant, NOW + DAY).may_contact
    assert facts(participant, NOW + 14 * DAY).may_contact
    happens(Status.RESUMED, 2)
    assert facts(participant, NOW + 2 * DAY).may_contact
    assert not facts(participant, NOW + DAY).may_contact


def test_a_pause_can_be_made_longer(participant, happens):
    first = happens(Status.PAUSED, until=NOW + 7 * DAY)
    assert happens(Status.PAUSED, until=NOW + 7 * DAY) == first
    happens(Status.PAUSED, 1, until=NOW + 21 * DAY)
    assert facts(participant, NOW + 10 * DAY).paused_until == NOW + 21 * DAY
    with pytest.raises(StatusRefused, match="after today"):
        happens(Status.PAUSED, 2, until=NOW)


def test_stop_holds_until_contact_is_asked_for_again(participant, happens):
    first = happens(Status.STOPPED_CONTACT)
    assert happens(Status.STOPPED_CONTACT, 1) == first
    assert contact_barriers([participant.pk], NOW + DAY) == {participant.pk: Barrier.STOPPED}
    happens(Status.RESUMED_CONTACT, 3)
    assert contact_barriers([participant.pk], NOW + 3 * DAY) == {}
    happens(Status.STOPPED_CONTACT, 5)
    assert not facts(participant, NOW + 5 * DAY).may_contact


@pytest.mark.parametrize("status", Status)
def test_every_status_that_decides_about_contact_is_looked_at_before_a_message(status):
    if Facts({status: NOW}).barrier:
        assert {status, *(other for other, undone in UNDOES.items() if status in undone)} <= {*ABOUT_CONTACT}


def test_a_start_message_does_not_undo_a_withdrawal(participant, happens):
    happens(Status.WITHDRAWN_CONTACT)
    happens(Status.RESUMED_CONTACT, 1)
    assert facts(participant, NOW + DAY).barrier is Barrier.WITHDRAWN


def test_withdrawal_from_the_intervention_leaves_contact_alone(participant, happens):
    happens(Status.WITHDRAWN_INTERVENTION)
    assert facts(participant, NOW).may_contact


def test_nobody_writes_to_the_dead(participant, happens):
    happens(Status.DIED)
    assert facts(participant, NOW).barrier is Barrier.DIED
    happens(Status.STOPPED_CONTACT, 1)
    with pytest.raises(StatusRefused, match="died"):
        happens(Status.COMPLETED, 2)


def test_withdrawal_of_data_erases_who_it_was_and_still_knows_the_person(tiny, north):
    kari = make_contact()
    participant = make_participant(tiny, north, contact=kari)
    add_status(participant=participant, name=Status.WITHDRAWN_DATA, by=None, now=NOW)
    assert identity_of(participant).name == ""
    assert phones_for_sending([participant.pk]) == {}
    assert not facts(participant, NOW).may_contact
    assert facts(participant, NOW).data_withdrawn
    assert not without_data_withdrawn(Participant.objects.all()).exists()
    with pytest.raises(AlreadyRegistered):
        make_participant(tiny, north, contact=kari)
    with pytest.raises(StatusRefused, match="withdrew"):
        add_status(participant=participant, name=Status.PAUSED, by=None, now=NOW + DAY)


def test_eligibility_may_be_judged_again_and_the_last_judgement_holds(participant, happens):
    happens(Status.NOT_ELIGIBLE)
    happens(Status.VERIFIED, 1)
    known = facts(participant, NOW + DAY)
    assert Status.VERIFIED in known
    assert Status.NOT_ELIGIBLE not in known
    assert [row.name for row in statuses(participant)] == ["registered", "not_eligible", "verified"]


def test_facts_of_many_take_one_query(tiny, north, django_assert_num_queries):
    people = [make_participant(tiny, north) for _ in range(6)]
    with django_assert_num_queries(1):
        assert all(known.may_contact for known in current_facts(people, NOW).values())


@pytest.mark.parametrize("change", ["update", "delete"])
def test_the_database_refuses_to_change_what_happened(participant, change):
    row = ParticipantStatus.objects.filter(participant=participant)
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        row.update(reason="other") if change == "update" else row.delete()


def test_after_the_data_lock_only_contact_and_the_data_themselves_are_withdrawn(participant, happens):
    lock_data(participant.trial)
    for status in (Status.DIED, Status.WITHDRAWN_INTERVENTION, Status.BASELINE_COMPLETED):
        with pytest.raises(DataLocked):
            happens(status)
    for status in (Status.STOPPED_CONTACT, Status.WITHDRAWN_CONTACT, Status.WITHDRAWN_DATA):
        happens(status)
        assert status in facts(participant, NOW)
