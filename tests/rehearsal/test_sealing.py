"""A rehearsal seals its list as the protocol wants: also by two persons, also where it is made elsewhere."""

import pytest

from randomization.models import Place, SealedList
from tests.factories import NOW, make_trial, make_user
from tests.randomization.imported import IMPORTED, TWO_PERSONS
from trial.core import chance
from trial.rehearsal.sealing import seal_list

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("changes", [{}, TWO_PERSONS, IMPORTED, IMPORTED | TWO_PERSONS])
def test_list_is_sealed_as_the_protocol_wants(changes):
    trial = make_trial(changes=changes)
    statistician = make_user("statistician", trial=trial)
    with chance.seeded(1):
        seal_list(trial=trial, statistician=statistician, now=NOW)
    sealed = SealedList.objects.get()
    assert (sealed.proposal is not None) == (changes.keys() >= TWO_PERSONS.keys())
    assert (sealed.sealed_by != statistician) == (sealed.proposal is not None)
    assert Place.objects.count() >= 16
