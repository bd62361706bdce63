"""A list is made longer: what was sealed stays, and nobody is randomized by a place twice."""

from datetime import timedelta
from functools import partial

import pytest
from django.db import DatabaseError, transaction

from randomization.committed import opened
from randomization.designs import canonical, commitment, design_from
from randomization.errors import ListExhausted, ListMissing, NotExtended, NotSealed, SecondPersonNeeded
from randomization.importing import ListRefused
from randomization.models import ListExtension, Place, SealedList, Stratum
from randomization.sealing import unseal
from randomization.selectors import extensions, stratum_counts
from randomization.services import allocate, extend_lists, seal_lists
from tests.factories import NOW, make_trial, make_user, make_verified_participant, seal
from tests.randomization.imported import BLOCK, STRATA, TWO_PERSONS, imported_trial, list_file
from tests.randomization.test_allocation import PAIRS
from tests.together import at_once
from trial.audit.context import acting

pytestmark = pytest.mark.django_db

SHORT = {"places_per_stratum = 40": "places_per_stratum = 4", "[4, 6]": "[4]"}
MINIMIZATION = {
    'method = "permuted_blocks"': 'method = "minimization"\nprobability = "4/5"',
    "block_sizes = [4, 6]\nplaces_per_stratum = 40": "places_per_stratum = 400",
}
LATER = NOW + timedelta(days=30)


@pytest.fixture
def short(db):
    trial = make_trial("short", changes=SHORT)
    seal(trial)
    return trial


def statistician(trial):
    return make_user("statistician", trial=trial)


def extend(trial, places=None, *, imported=None, seen=None):
    by = statistician(trial)
    return extend_lists(
        trial=trial, by=by, now=LATER, places_per_stratum=places, imported=imported, seen=seen
    )


def sealed_of(trial):
    return SealedList.objects.get(trial=trial)


def test_exhausted_list_goes_on_with_the_next_place_after_it_was_made_longer(short):
    by = make_user("coordinator", trial=short)
    for _ in range(4):
        allocate(participant=make_verified_participant(short, by=by), by=by, now=NOW)
    waiting = make_verified_participant(short, by=by)
    with pytest.raises(ListExhausted, match="Ask the trial statistician for more"):
        allocate(participant=waiting, by=by, now=NOW)

    extend(short, 8)

    place = allocate(participant=waiting, by=by, now=LATER).place
    assert (place.stratum.key, place.position) == ("site=north;complaint=body", 5)
    assert [(count.used, count.places) for count in stratum_counts(short)] == [(5, 8), (0, 8), (0, 8), (0, 8)]


def test_longer_list_is_the_one_that_the_seed_makes_and_begins_with_the_shorter(short):
    before, rows = opened(sealed_of(short)), list(Place.objects.order_by("pk").values())
    extend(short, 100)
    extend(short, 101)
    sealed, longer = sealed_of(short), opened(sealed_of(short))
    seed = unseal(bytes(sealed.seed), table="sealedlist", row=str(sealed.pk), field="seed")
    assert longer == design_from(sealed.design).list_from(
        seed, trial="short", sizes=dict.fromkeys(before, 101)
    )
    assert all(longer[key][:4] == held for key, held in before.items())
    assert list(Place.objects.order_by("pk").values())[: len(rows)] == rows


def test_each_extension_keeps_its_sizes_and_a_commitment_over_the_whole_list(short):
    first, second = extend(short, 6), extend(short, 9)
    assert (first.sizes_before, first.sizes) == (dict.fromkeys(STRATA, 4), dict.fromkeys(STRATA, 8))
    assert (second.sizes_before, second.sizes) == (first.sizes, dict.fromkeys(STRATA, 12))
    assert [(one.number, one.asked) for one in extensions(short)] == [(1, 6), (2, 9)]
    for one in (first, second):
        row = f"{one.sealed_list_id}/{one.number}"
        nonce = unseal(bytes(one.nonce), table="listextension", row=row, field="nonce")
        places = {key: held[: one.sizes[key]] for key, held in opened(one.sealed_list).items()}
        text = canonical("short", design_from(one.sealed_list.design), places)
        assert one.commitment == commitment(nonce, text)
    assert len({sealed_of(short).commitment, first.commitment, second.commitment}) == 3


def test_minimization_gets_more_draws(db):
    trial = make_trial("mini", changes=MINIMIZATION)
    seal(trial)
    before = opened(sealed_of(trial))["all"]
    extend(trial, 420)
    after = opened(sealed_of(trial))["all"]
    assert (len(after), after[:400]) == (420, before)


def test_list_grows_only(short):
    for places in (None, 0, 3, 4):
        with pytest.raises(NotExtended, match="Ask for more than now"):
            extend(short, places)
    with pytest.raises(NotExtended, match="at most"):
        extend(short, 10**6)
    assert not ListExtension.objects.exists()
    assert set(Stratum.objects.values_list("places", flat=True)) == {4}


def test_there_must_be_a_sealed_list_of_participants(tiny):
    with pytest.raises(NotSealed):
        extend(tiny, 50)
    pairs = make_trial("pairs", changes=PAIRS)
    seal(pairs)
    with pytest.raises(NotExtended, match="late sites"):
        extend(pairs, 50)


def test_who_was_slower_is_told(short):
    extend(short, 8, seen=0)
    with pytest.raises(NotExtended, match="meanwhile"):
        extend(short, 12, seen=0)
    assert extend(short, 12, seen=1).number == 2


def test_database_refuses_to_change_an_extension(short):
    extend(short, 8)
    for act in (
        ListExtension.objects.all()._raw_delete,
        lambda _using: ListExtension.objects.update(number=7),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            act("default")


def test_imported_list_is_made_longer_by_a_second_file_that_goes_on(db):
    trial = imported_trial()
    by = statistician(trial)
    seal_lists(trial=trial, by=by, imported=list_file(last=4, codes=True), now=NOW)
    with pytest.raises(ListMissing):
        extend(trial, 8)
    for wrong in (list_file(last=8), list_file(first=6, last=8, codes=True), list_file(first=5, last=8)):
        with pytest.raises(ListRefused):
            extend(trial, imported=wrong)
    with pytest.raises(NotExtended, match="The file says how many"):
        extend(trial, 7, imported=list_file(first=5, last=7, codes=True))
    extend(trial, imported=list_file(first=5, last=7, codes=True))
    assert opened(sealed_of(trial)) == {key: [*BLOCK, *BLOCK[:3]] for key in STRATA}
    assert Place.objects.get(stratum__key=STRATA[1], position=7).code == str(7 * 107)


def test_second_file_needs_two_persons_where_the_protocol_does(db):
    trial = make_trial("two", changes=SHORT | TWO_PERSONS)
    with pytest.raises(SecondPersonNeeded):
        seal(trial)


@pytest.mark.django_db(transaction=True)
def test_allocations_go_on_in_order_while_the_list_is_made_longer():
    trial = make_trial("short", changes=SHORT)
    seal(trial)
    by, boss = make_user("coordinator", trial=trial), statistician(trial)
    people = [make_verified_participant(trial, by=by) for _ in range(12)]

    def give(participant):
        with acting("system:test"):
            try:
                return allocate(participant=participant, by=by, now=NOW).place.position
            except ListExhausted:
                return None

    def lengthen(places):
        with acting("system:test"):
            try:
                return extend_lists(trial=trial, by=boss, now=NOW, places_per_stratum=places).number
            except NotExtended:
                return None

    acts = [partial(give, one) for one in people]
    acts[6:6] = [partial(lengthen, 16)] * 3
    done = at_once(acts)

    assert sorted(number for number in done[6:9] if number) == [1]
    given = sorted(position for position in done[:6] + done[9:] if position)
    assert given == list(range(1, len(given) + 1))
    assert len(given) >= 4
    rest = [give(one) for one in people]
    assert sorted(rest) == list(range(1, 13))
    assert Place.objects.count() == 4 * 16
