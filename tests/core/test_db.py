"""What PostgreSQL offers beyond Django's ORM."""

from typing import NamedTuple

import pytest

from tests.factories import make_participant, make_trial
from trial.core.db import rows
from trial.people.models import IdentityRecord, Participant


@pytest.fixture
def people(db):
    trial = make_trial()
    return [make_participant(trial) for _ in range(3)]


def test_values_in_one_array_select_the_same_rows_as_a_list(people):
    first, second, other = people
    wanted = {first.pk, second.pk}

    found = Participant.objects.filter(pk__among=wanted)
    assert set(found) == set(Participant.objects.filter(pk__in=wanted)) == {first, second}
    assert IdentityRecord.objects.exclude(participant__among=wanted).get().participant == other


def test_statement_is_the_same_for_any_number_of_values(people, django_assert_num_queries):
    everybody = [one.pk for one in people]
    with django_assert_num_queries(2) as queries:
        assert len(Participant.objects.filter(pk__among=everybody)) == 3
        assert len(Participant.objects.filter(pk__among=everybody[:1])) == 1
    assert all("= ANY(" in one["sql"] for one in queries)


def test_nothing_is_asked_where_nothing_is_wanted(people, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert not Participant.objects.filter(pk__among=[])


def test_rows_of_a_statement_of_our_own_have_the_shape_that_was_asked_for(people):
    class Known(NamedTuple):
        id: int
        study_id: str

    one = people[0]
    statement = "SELECT id, study_id FROM people_participant WHERE id = %(id)s"
    assert rows(Known, statement, {"id": one.pk}) == [Known(one.pk, one.study_id)]
