"""A mistake at randomization is recorded, never undone, and analysed as randomized."""

import pytest
from django.db import DatabaseError, transaction

from randomization.errors import NotRandomized
from randomization.models import Allocation, Deviation
from randomization.selectors import arms_for_analysis, deviations_in, deviations_of
from randomization.services import allocate, record_deviation
from randomization.verification import verify
from tests.factories import NOW, lock_data, make_user, make_verified_participant
from trial.people.errors import NotPermitted, ReasonMissing
from trial.people.selectors import facts
from trial.protocol.errors import DataLocked


@pytest.fixture
def participant(sealed, coordinator):
    participant = make_verified_participant(sealed, by=coordinator)
    allocate(participant=participant, by=coordinator, now=NOW)
    return participant


def record(participant, by, **more):
    words = {"kind": "ineligible", "description": "Had returned to work already."}
    return record_deviation(participant=participant, by=by, now=NOW, **(words | more))


def test_a_deviation_is_recorded_and_changes_nothing_else(sealed, participant, coordinator):
    before = (
        arms_for_analysis(trial=sealed, reason="test", now=NOW),
        facts(participant, NOW),
        Allocation.objects.values().get(participant=participant),
        verify(sealed),
    )
    record(participant, coordinator)
    (fact,) = deviations_of(participant)
    assert (fact.kind, fact.by, fact.at) == ("ineligible", coordinator, NOW)
    assert list(deviations_in(sealed)) == [(participant.pk, "ineligible", NOW)]
    assert before == (
        arms_for_analysis(trial=sealed, reason="test", now=NOW),
        facts(participant, NOW),
        Allocation.objects.values().get(participant=participant),
        verify(sealed),
    )


def test_a_second_click_records_it_once_and_another_mistake_is_another_row(participant, coordinator):
    assert record(participant, coordinator) == record(participant, coordinator)
    record(participant, coordinator, kind="other")
    assert Deviation.objects.count() == 2


def test_it_is_refused_before_randomization_without_a_description_and_to_others(
    sealed, participant, coordinator
):
    with pytest.raises(NotRandomized):
        record(make_verified_participant(sealed, by=coordinator), coordinator)
    with pytest.raises(ReasonMissing):
        record(participant, coordinator, description="  ")
    for role in ("monitor", "statistician", "researcher", "unblinded_staff"):
        with pytest.raises(NotPermitted):
            record(participant, make_user(role, trial=sealed))
    assert not Deviation.objects.exists()


def test_it_is_refused_when_the_data_are_locked(sealed, participant, coordinator):
    lock_data(sealed)
    with pytest.raises(DataLocked):
        record(participant, coordinator)


def test_a_deviation_is_never_undone(participant, coordinator):
    deviation = record(participant, coordinator)
    for change in (
        lambda rows: rows.update(description="Nothing happened."),
        lambda rows: rows.delete(),
    ):
        with pytest.raises(DatabaseError, match="never changed or deleted"), transaction.atomic():
            change(Deviation.objects.filter(pk=deviation.pk))
