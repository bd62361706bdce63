"""Sites that are randomized as a whole: all at once, and those that join late."""

from collections import Counter
from functools import partial

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse

from randomization.designs import design_from
from randomization.errors import NoLatePlace, NotSealed, SiteRefused
from randomization.models import Allocation, ClusterAllocation, Place, SealedList, Stratum
from randomization.selectors import arm_for, waiting_sites
from randomization.services import allocate, allocate_late_site
from randomization.verification import verify
from tests.factories import (
    NOW,
    by_method,
    join_sites,
    lock_data,
    make_trial,
    make_user,
    make_verified_participant,
    seal,
)
from tests.together import at_once
from trial.audit.context import acting
from trial.people.models import Site
from trial.protocol.errors import DataLocked

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery staple"


def clusters(method, slug="tiny"):
    """A sealed trial of two sites with four late places."""
    trial = make_trial(slug, changes=by_method(method))
    seal(trial)
    return trial


@pytest.fixture
def statistician(db):
    return make_user()


def test_no_site_joins_when_the_trial_is_over(statistician):
    trial = clusters("complete_clusters")
    [site] = join_sites(trial, "complete_clusters", "west")
    lock_data(trial)
    with pytest.raises(DataLocked):
        allocate_late_site(site=site, by=statistician, now=NOW)


def places(allocations):
    return [(one.site.key, one.place.stratum.key, one.place.position) for one in allocations]


@pytest.mark.parametrize(
    ("method", "stratum"),
    [("complete_clusters", "all"), ("stratified_clusters", "group=one"), ("pairwise_clusters", "pair=one")],
)
def test_all_sites_are_allocated_with_the_sealing_and_participants_inherit(method, stratum):
    trial = clusters(method)
    allocated = ClusterAllocation.objects.order_by("place__position")
    assert places(allocated) == [("north", stratum, 1), ("south", stratum, 2)]
    coordinator = make_user("coordinator", trial=trial)
    arms = Counter()
    for site in trial.sites.all():
        two = [make_verified_participant(trial, site, by=coordinator) for _ in range(2)]
        for participant in two:
            allocate(participant=participant, by=coordinator, now=NOW)
        (arm,) = {
            arm_for(user=coordinator, participant=participant, reason="test", now=NOW).key
            for participant in two
        }
        arms[arm] += 1
    assert arms == {"talk": 1, "usual": 1}
    assert Allocation.objects.count() == 4
    assert verify(trial).allocations == 4


def test_late_sites_take_the_late_places_in_the_order_in_which_they_come(statistician):
    trial = clusters("complete_clusters")
    west, east = join_sites(trial, "complete_clusters", "west", "east")
    assert [[site.key for site in some] for some in waiting_sites(trial)] == [["west"], ["east"]]

    first = allocate_late_site(site=east, by=statistician, now=NOW)
    second = allocate_late_site(site=west, by=statistician, now=NOW)

    assert places(first + second) == [("east", "late", 1), ("west", "late", 2)]
    assert first[0].by == statistician
    assert waiting_sites(trial) == []
    assert Stratum.objects.get(key="late").used == 2
    verify(trial)


def test_second_call_returns_the_first_allocation(statistician):
    trial = clusters("complete_clusters")
    (west,) = join_sites(trial, "complete_clusters", "west")
    assert allocate_late_site(site=west, by=statistician, now=NOW) == allocate_late_site(
        site=west, by=statistician, now=NOW
    )
    assert Stratum.objects.get(key="late").used == 1
    north = trial.sites.get(key="north")
    assert places(allocate_late_site(site=north, by=statistician, now=NOW)) == [("north", "all", 1)]


def test_late_site_of_a_group_takes_the_place_of_its_group(statistician):
    trial = clusters("stratified_clusters")
    join_sites(trial, "stratified_clusters", "west", group="one")
    west = trial.sites.get(key="west")
    assert places(allocate_late_site(site=west, by=statistician, now=NOW)) == [("west", "late=one", 1)]


def test_late_site_of_a_group_that_the_list_does_not_know_finds_no_place(statistician):
    trial = clusters("stratified_clusters")
    west, _east = join_sites(trial, "stratified_clusters", "west", "east", group="two")
    with pytest.raises(NoLatePlace):
        allocate_late_site(site=west, by=statistician, now=NOW)
    assert ClusterAllocation.objects.count() == 2


def test_both_sites_of_a_late_pair_are_allocated_together(statistician):
    trial = clusters("pairwise_clusters")
    west, _east = join_sites(trial, "pairwise_clusters", "west", "east", pair="two")
    assert [[site.key for site in some] for some in waiting_sites(trial)] == [["west", "east"]]

    pair = allocate_late_site(site=west, by=statistician, now=NOW)

    assert places(pair) == [("east", "late", 1), ("west", "late", 2)]
    sealed = SealedList.objects.get()
    assert design_from(sealed.design).late_places == 4
    verify(trial)


def test_site_is_refused_where_it_takes_no_late_place(statistician):
    trial = clusters("complete_clusters")
    unnamed = Site.objects.create(trial=trial, key="nowhere", name="Nowhere", cluster=True, opened_at=NOW)
    with pytest.raises(SiteRefused, match="name this site"):
        allocate_late_site(site=unnamed, by=statistician, now=NOW)

    people = make_trial("people")
    with pytest.raises(NotSealed):
        allocate_late_site(site=people.sites.get(key="north"), by=statistician, now=NOW)
    seal(people)
    with pytest.raises(SiteRefused, match="randomizes participants"):
        allocate_late_site(site=people.sites.get(key="north"), by=statistician, now=NOW)
    assert waiting_sites(people) == []


def test_fifth_late_site_is_refused_when_there_are_four_places(statistician):
    trial = clusters("complete_clusters")
    sites = join_sites(trial, "complete_clusters", "a", "b", "c", "d", "e")
    for site in sites[:4]:
        allocate_late_site(site=site, by=statistician, now=NOW)
    with pytest.raises(NoLatePlace):
        allocate_late_site(site=sites[4], by=statistician, now=NOW)
    assert [[site.key for site in some] for some in waiting_sites(trial)] == [["e"]]


def test_trial_that_allows_no_late_sites_has_no_place_for_one(statistician):
    method = by_method("complete_clusters")
    none = {old: new.replace("late_places = 4\n", "") for old, new in method.items()}
    trial = make_trial(changes=none)
    seal(trial)
    (west,) = join_sites(trial, "complete_clusters", "west")
    with pytest.raises(NoLatePlace):
        allocate_late_site(site=west, by=statistician, now=NOW)


def test_database_refuses_a_place_that_is_not_counted_or_of_another_trial():
    trial, other = clusters("complete_clusters"), clusters("complete_clusters", "other")
    (west,) = join_sites(trial, "complete_clusters", "west")
    uncounted = Place.objects.get(stratum__key="late", stratum__sealed_list__trial=trial, position=1)
    foreign = Place.objects.get(stratum__key="late", stratum__sealed_list__trial=other, position=1)
    Stratum.objects.filter(pk=foreign.stratum_id).update(used=1)
    for place in (uncounted, foreign):
        with pytest.raises(DatabaseError, match="its own trial has counted"), transaction.atomic():
            ClusterAllocation.objects.create(site=west, place=place, at=NOW)


@pytest.mark.django_db(transaction=True)
def test_sites_that_join_at_the_same_time_get_places_one_after_the_other():
    trial, statistician = clusters("complete_clusters"), make_user()
    sites = join_sites(trial, "complete_clusters", "west", "east", "upper")

    def click(site):
        with acting("system:test"):
            return places(allocate_late_site(site=site, by=statistician, now=NOW))

    given = at_once([partial(click, site) for site in sites * 3])

    assert len({str(answer) for answer in given}) == 3
    assert sorted(position for ((_site, _stratum, position),) in given) == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    verify(trial)


# --- the page ---


@pytest.fixture
def desk(client, db):
    client.cookies["django_language"] = "en"

    def enter(trial, role="statistician"):
        client.force_login(make_user(role, trial=trial, password=PASSWORD))
        return client

    return enter


def address(trial, site):
    return reverse("randomization:late_site", args=[trial.slug, site])


def test_statistician_randomizes_a_late_site_with_the_password_and_sees_no_arm(desk):
    trial = clusters("complete_clusters")
    join_sites(trial, "complete_clusters", "west")
    client = desk(trial)
    assert address(trial, "west") in client.get(reverse("randomization:desk", args=["tiny"])).content.decode()
    wrong = client.post(address(trial, "west"), {"password": "wrong"})
    assert "This is not your password" in wrong.content.decode()
    assert ClusterAllocation.objects.count() == 2

    page = client.post(address(trial, "west"), {"password": PASSWORD}, follow=True).content.decode()

    assert "The site is randomized" in page
    assert ClusterAllocation.objects.get(site__key="west").by.name.startswith("Statistician")
    counts = client.get(reverse("randomization:desk", args=["tiny"])).context["counts"]
    assert [(name, one.used) for name, one in counts] == [("Late sites", 1)]
    assert "Nothing to do" in client.get(address(trial, "west")).content.decode()


def test_refusal_is_said_on_the_desk(desk):
    trial = clusters("stratified_clusters")
    join_sites(trial, "stratified_clusters", "west", "east", group="two")
    page = desk(trial).post(address(trial, "west"), {"password": PASSWORD}, follow=True)
    assert "no late place left" in page.content.decode()


@pytest.mark.parametrize("role", ["coordinator", "trial_manager", "researcher", "monitor"])
def test_page_is_closed_to_everybody_else(desk, role):
    trial = clusters("complete_clusters")
    client = desk(trial, role)
    assert client.get(address(trial, "north")).status_code == 404
    assert client.post(address(trial, "north"), {"password": PASSWORD}).status_code == 404


def test_statistician_of_another_trial_and_unknown_site_find_nothing(desk):
    trial, other = clusters("complete_clusters"), clusters("complete_clusters", "other")
    client = desk(trial)
    assert client.get(address(other, "north")).status_code == 404
    assert client.get(address(trial, "nowhere")).status_code == 404
