"""One defect at a time, planted by somebody whom nothing in the database stops, is found and named."""

from dataclasses import replace

import pytest

from randomization.decisions import open_decision, seal_decision
from randomization.errors import ListDamaged, NotSealed, TrailDisagrees
from randomization.models import (
    Allocation,
    ClusterAllocation,
    Deviation,
    Envelope,
    EnvelopeReturn,
    Place,
    SealedList,
    Stratum,
)
from randomization.sealing import seal_place, unseal_place
from randomization.services import allocate, allocate_late_site, extend_lists
from randomization.verification import verify
from tests.factories import NOW, by_method, join_sites, make_trial, make_user, make_verified_participant, seal
from tests.randomization.test_allocation import PAIRS
from tests.randomization.test_minimization import MINIMIZED
from trial.audit.services import seal_events

NORTH = "site=north;complaint=body"
COLUMNS = "at, transaction, actor, reason, request, table_name, row_id, action, old, new"


@pytest.fixture
def running(transactional_db):
    """A trial of strata with three participants in one of them, and an envelope that was used and another."""
    return run(make_trial())


def run(trial, count=3):
    seal(trial)
    by = make_user("coordinator", trial=trial)
    sites = [trial.sites.get(key="north"), trial.sites.get(key="south")]
    for number in range(count):
        allocate(participant=make_verified_participant(trial, sites[number // 2 % 2], by=by), by=by, now=NOW)
    return trial


def extend(trial, places):
    return extend_lists(
        trial=trial, by=make_user("statistician", trial=trial), now=NOW, places_per_stratum=places
    )


def where(place):
    return {
        "list_id": place.stratum.sealed_list_id,
        "stratum": place.stratum.key,
        "position": place.position,
    }


def first_place():
    return Place.objects.select_related("stratum").order_by("pk").first()


# --- the list ---


def exchanged_place(superuser):
    """With the key: only the seed tells it."""
    place = first_place()
    was = unseal_place(bytes(place.content), **where(place))
    other = seal_place({"talk": "usual", "usual": "talk"}[was], **where(place))
    superuser("UPDATE randomization_place SET content = %s WHERE id = %s", [other, place.pk])


def moved_place(superuser):
    superuser(
        "UPDATE randomization_place SET content ="
        " (SELECT content FROM randomization_place WHERE position = 2 ORDER BY id LIMIT 1) WHERE id = %s",
        [first_place().pk],
    )


def removed_place(superuser):
    superuser("DELETE FROM randomization_place WHERE id = %s", [first_place().pk])


def removed_last_place(superuser):
    last = Place.objects.filter(stratum__key=NORTH).order_by("position").last()
    superuser("DELETE FROM randomization_place WHERE id = %s", [last.pk])


def other_commitment(superuser):
    superuser("UPDATE randomization_sealedlist SET commitment = %s", ["0" * 64])


def other_design(superuser):
    superuser("UPDATE randomization_sealedlist SET design = jsonb_set(design, '{block_sizes}', '[4]')")


def design_that_cannot_be(change):
    def plant(superuser):
        superuser(f"UPDATE randomization_sealedlist SET design = {change}")

    plant.__name__ = change
    return plant


def place_cut_short(superuser):
    superuser(
        "UPDATE randomization_place SET content = substring(content for 10) WHERE id = %s", [first_place().pk]
    )


def nonce_cut_short(superuser):
    superuser("UPDATE randomization_sealedlist SET nonce = substring(nonce for 10)")


# --- the order ---


def counter_ahead(superuser):
    superuser("UPDATE randomization_stratum SET used = used + 1 WHERE key = %s", [NORTH])


def other_length(superuser):
    superuser("UPDATE randomization_stratum SET places = places + 1 WHERE key = %s", [NORTH])


def removed_allocation(superuser):
    first = Allocation.objects.order_by("pk").first()
    superuser("DELETE FROM randomization_allocation WHERE id = %s", [first.pk])


def exchanged_participants(superuser):
    """Two participants change places: no gap, but not the order in which they came."""
    one, other = Allocation.objects.order_by("pk")[:2]
    superuser(
        "UPDATE randomization_allocation SET place_id = %s WHERE id = %s", [first_place().pk + 999, one.pk]
    )
    superuser("UPDATE randomization_allocation SET place_id = %s WHERE id = %s", [one.place_id, other.pk])
    superuser("UPDATE randomization_allocation SET place_id = %s WHERE id = %s", [other.place_id, one.pk])


# --- the trail ---


def allocation_at_another_time(superuser):
    superuser("UPDATE randomization_allocation SET at = at + interval '1 day'")


def allocation_by_somebody_else(superuser):
    superuser("UPDATE audit_event SET actor = 'user:0' WHERE table_name = 'randomization_allocation'")


def unrecorded_allocation(superuser):
    superuser("DELETE FROM audit_event WHERE table_name = 'randomization_allocation'")


def changed_and_changed_back(superuser):
    place = first_place()
    superuser(
        f"INSERT INTO audit_event ({COLUMNS})"
        " VALUES (now(), 1, 'user:1', '', '', 'randomization_place', %s, 'U', '{}', '{}')",
        [str(place.pk)],
    )


def recorded_twice(superuser):
    superuser(
        f"INSERT INTO audit_event ({COLUMNS}) SELECT {COLUMNS}"
        " FROM audit_event WHERE table_name = 'randomization_allocation' ORDER BY id LIMIT 1"
    )


def removed_deviation(superuser):
    allocation = Allocation.objects.first()
    Deviation.objects.create(
        participant=allocation.participant, kind="other", description="x", at=NOW, by=allocation.by
    )
    superuser("DELETE FROM randomization_deviation")


def jumping_counter(superuser):
    superuser(
        "DELETE FROM audit_event WHERE id = (SELECT min(id) FROM audit_event"
        " WHERE table_name = 'randomization_stratum' AND action = 'U')"
    )


def altered_event(superuser):
    seal_events(now=NOW)
    superuser("UPDATE audit_event SET reason = 'x' WHERE table_name = 'randomization_allocation'")


@pytest.mark.parametrize(
    ("plant", "error", "said"),
    [
        (exchanged_place, ListDamaged, "the places are not those that the seed makes"),
        (moved_place, ListDamaged, f"place 1 of {NORTH} was changed, or its key is missing"),
        (removed_place, ListDamaged, f"place 1 of {NORTH} is missing"),
        (removed_last_place, ListDamaged, "the places are not those that the seed makes"),
        (other_commitment, ListDamaged, "the list is not the one that was committed to"),
        (other_design, ListDamaged, "the places are not those that the seed makes"),
        *(
            (design_that_cannot_be(change), ListDamaged, "the stored design cannot be read")
            for change in (
                "design - 'method'",
                """jsonb_set(design, '{method}', '"nonsense"')""",
                "jsonb_set(design, '{ratio}', '[]')",
                "jsonb_set(design, '{block_sizes}', '[0]')",
            )
        ),
        (place_cut_short, ListDamaged, f"place 1 of {NORTH} was changed, or its key is missing"),
        (nonce_cut_short, ListDamaged, r"\(something sealed was changed, or its key is missing\)"),
        (counter_ahead, ListDamaged, f"the order or number of allocations in {NORTH}"),
        (other_length, ListDamaged, f"the number of places of {NORTH}"),
        (removed_allocation, ListDamaged, f"the order or number of allocations in {NORTH}"),
        (exchanged_participants, ListDamaged, f"the order or number of allocations in {NORTH}"),
        (allocation_at_another_time, TrailDisagrees, r"allocation \d+ is not as it was made"),
        (allocation_by_somebody_else, TrailDisagrees, r"allocation \d+ was made by somebody else"),
        (unrecorded_allocation, TrailDisagrees, r"the trail does not know of allocation \d+"),
        (changed_and_changed_back, TrailDisagrees, r"place \d+ was changed after it was made"),
        (recorded_twice, TrailDisagrees, r"allocation \d+ was added twice"),
        (removed_deviation, TrailDisagrees, r"protocol deviation \d+ is gone"),
        (jumping_counter, TrailDisagrees, f"the counter of {NORTH} did not count up"),
        (altered_event, TrailDisagrees, r"event \d+ was altered"),
    ],
)
def test_what_does_not_agree_is_found_and_named(running, superuser, plant, error, said):
    assert verify(running).allocations == 3
    plant(superuser)
    with pytest.raises(error, match=said) as found:
        verify(running)
    assert "talk" not in str(found.value)
    assert "usual" not in str(found.value)


def test_unsealed_trial_has_nothing_to_verify(tiny):
    with pytest.raises(NotSealed):
        verify(tiny)


def test_another_trials_allocations_do_not_disturb(running):
    run(make_trial("other"))
    assert verify(running).allocations == 3


def test_place_of_another_trial_is_noticed(running, superuser):
    other = make_trial("other")
    seal(other)
    foreign = Place.objects.filter(stratum__sealed_list__trial=other).first()
    last = Allocation.objects.order_by("pk").last()
    superuser("UPDATE randomization_allocation SET place_id = %s WHERE id = %s", [foreign.pk, last.pk])
    with pytest.raises(ListDamaged, match="a place of another trial"):
        verify(running)


# --- longer lists ---


def test_extended_list_agrees_with_every_commitment(running):
    extend(running, 60)
    extend(running, 90)
    assert verify(running).places >= 4 * 90


def test_extension_with_another_commitment_or_of_another_length_is_noticed(running, superuser):
    extension = extend(running, 60)
    superuser("UPDATE randomization_listextension SET commitment = %s", ["0" * 64])
    with pytest.raises(ListDamaged, match="not the one that was committed to"):
        verify(running)
    superuser("UPDATE randomization_listextension SET commitment = %s", [extension.commitment])
    verify(running)
    superuser("DELETE FROM randomization_listextension")
    with pytest.raises(ListDamaged, match="not those that the seed makes"):
        verify(running)


# --- envelopes ---


@pytest.fixture
def printed(running):
    """The first place of the south is in an envelope that was used, the second in one that waits."""
    by, south = make_user("statistician", trial=running), running.sites.get(key="south")
    stratum = Stratum.objects.get(key="site=south;complaint=body")
    first = Allocation.objects.get(place__stratum=stratum)
    places = Place.objects.filter(stratum=stratum, position__gt=1).order_by("position")
    used, waiting = (
        Envelope.objects.create(site=south, place=places[number - 1], number=number, at=NOW, by=by)
        for number in (1, 2)
        if Stratum.objects.filter(pk=stratum.pk).update(used=1 + number)
    )
    return first, used, waiting


def test_envelopes_that_wait_agree(running, printed):
    assert verify(running).allocations == 3


def test_envelope_that_vanished_leaves_a_gap(running, printed, superuser):
    superuser("DELETE FROM randomization_envelope WHERE id = %s", [printed[1].pk])
    with pytest.raises(ListDamaged, match="the order or number of allocations in site=south"):
        verify(running)


def test_envelope_of_another_place_is_noticed(running, printed, superuser):
    first, used, _waiting = printed
    superuser("UPDATE randomization_allocation SET envelope_id = %s WHERE id = %s", [used.pk, first.pk])
    with pytest.raises(ListDamaged, match="does not have the place of its envelope"):
        verify(running)


def test_envelope_that_was_returned_and_used_is_noticed(running, printed, superuser):
    first, used, _waiting = printed
    EnvelopeReturn.objects.create(envelope=used, kind="lost", explanation="x", at=NOW, by=used.by)
    assert verify(running).allocations == 3
    superuser(
        "UPDATE randomization_allocation SET envelope_id = %s, place_id = %s WHERE id = %s",
        [used.pk, used.place_id, first.pk],
    )
    with pytest.raises(ListDamaged, match="an envelope was returned and used"):
        verify(running)


# --- sites ---


@pytest.fixture
def pairs(transactional_db):
    return run(make_trial("pairs", changes=PAIRS), count=4)


def test_sites_agree(pairs):
    assert verify(pairs).allocations == 4


def test_exchanged_sites_are_noticed(pairs, superuser):
    one, other = ClusterAllocation.objects.order_by("pk")
    for row, place in ((one, 999_999), (other, one.place_id), (one, other.place_id)):
        superuser("UPDATE randomization_clusterallocation SET place_id = %s WHERE id = %s", [place, row.pk])
    with pytest.raises(ListDamaged, match="does not have the place of its site"):
        verify(pairs)
    superuser(
        "UPDATE randomization_allocation SET place_id = cluster.place_id"
        " FROM randomization_clusterallocation AS cluster WHERE cluster.id = cluster_id"
    )
    with pytest.raises(ListDamaged, match="the site north does not have its place"):
        verify(pairs)


def test_site_without_a_place_is_noticed(pairs, superuser):
    superuser("UPDATE randomization_stratum SET used = 1")
    superuser(
        "DELETE FROM randomization_allocation WHERE cluster_id ="
        " (SELECT id FROM randomization_clusterallocation ORDER BY place_id DESC LIMIT 1)"
    )
    superuser(
        "DELETE FROM randomization_clusterallocation WHERE place_id ="
        " (SELECT max(place_id) FROM randomization_clusterallocation)"
    )
    with pytest.raises(ListDamaged, match="the site south does not have its place"):
        verify(pairs)


@pytest.fixture
def late(transactional_db):
    """Two sites joined after the sealing, east before west."""
    trial = make_trial("late", changes=by_method("complete_clusters"))
    seal(trial)
    by = make_user("statistician", trial=trial)
    west, east = join_sites(trial, "complete_clusters", "west", "east")
    for site in (east, west):
        allocate_late_site(site=site, by=by, now=NOW)
    return trial


def test_late_sites_agree(late):
    assert verify(late).strata == 2


def test_late_sites_out_of_order_are_noticed(late, superuser):
    east, west = ClusterAllocation.objects.order_by("pk")[2:]
    for row, place in ((east, 999_999), (west, east.place_id), (east, west.place_id)):
        superuser("UPDATE randomization_clusterallocation SET place_id = %s WHERE id = %s", [place, row.pk])
    with pytest.raises(ListDamaged, match="the order of late sites in late"):
        verify(late)


def test_late_site_that_vanished_is_noticed(late, superuser):
    superuser(
        "DELETE FROM randomization_clusterallocation WHERE id = (SELECT max(id) FROM"
        " randomization_clusterallocation)"
    )
    with pytest.raises(ListDamaged, match="the order or number of allocations in late"):
        verify(late)


# --- minimization ---


@pytest.fixture
def minimized(transactional_db):
    return run(make_trial("minimized", changes=MINIMIZED), count=5)


def test_every_decision_is_made_again(minimized):
    assert verify(minimized).allocations == 5


def kept(position):
    allocation = Allocation.objects.get(place__position=position)
    list_id = SealedList.objects.get().pk
    return allocation, {"list_id": list_id, "position": position}


def test_decision_for_another_arm_is_noticed(minimized, superuser):
    allocation, at = kept(2)
    decision = open_decision(allocation.decision, **at)
    other = replace(decision, arm={"talk": "usual", "usual": "talk"}[decision.arm])
    changed = [seal_decision(other, **at), allocation.pk]
    superuser("UPDATE randomization_allocation SET decision = %s WHERE id = %s", changed)
    with pytest.raises(ListDamaged, match="the decision at place 2"):
        verify(minimized)


def test_decision_of_another_draw_or_other_levels_is_noticed(minimized, superuser):
    allocation, at = kept(3)
    decision = open_decision(allocation.decision, **at)
    levels = decision.levels | {"site": "south" if decision.levels["site"] == "north" else "north"}
    for other in (replace(decision, draw=decision.draw ^ 1), replace(decision, levels=levels)):
        changed = [seal_decision(other, **at), allocation.pk]
        superuser("UPDATE randomization_allocation SET decision = %s WHERE id = %s", changed)
        with pytest.raises(ListDamaged, match=r"the decision at place \d"):
            verify(minimized)


def test_decision_by_another_site_than_the_participants_is_noticed(minimized, superuser):
    allocation, _at = kept(2)
    superuser(
        "UPDATE people_participant SET site_id = (SELECT id FROM people_site WHERE key = 'south')"
        " WHERE id = %s",
        [allocation.participant_id],
    )
    with pytest.raises(ListDamaged, match="the decision at place 2"):
        verify(minimized)


def test_missing_or_moved_decision_is_noticed(minimized, superuser):
    allocation, _at = kept(3)
    superuser(
        "UPDATE randomization_allocation SET decision ="
        " (SELECT decision FROM randomization_allocation ORDER BY id LIMIT 1) WHERE id = %s",
        [allocation.pk],
    )
    with pytest.raises(ListDamaged, match="was changed"):
        verify(minimized)
    superuser("UPDATE randomization_allocation SET decision = NULL WHERE id = %s", [allocation.pk])
    with pytest.raises(ListDamaged, match="an allocation lacks its decision"):
        verify(minimized)
