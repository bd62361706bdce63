"""What somebody else commits between a click and its allocation counts: with real locks."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from itertools import chain
from time import monotonic, sleep

import pytest
from django.db import connection, transaction

from randomization.errors import ListExhausted, NotReady
from randomization.models import Allocation, Stratum
from randomization.selectors import is_allocated
from randomization.services import allocate
from randomization.verification import verify
from tests.factories import NOW, TINY, make_trial, make_user, make_verified_participant, seal
from tests.together import at_once
from trial.audit.context import acting
from trial.people.models import Status
from trial.people.services import add_status, close_site, put_in_force
from trial.protocol.models import TrialStatus
from trial.protocol.reading import Sources, read_sources
from trial.protocol.services import load_protocol, set_trial_status
from trial.rehearsal.crowd import copies_of

pytestmark = pytest.mark.django_db(transaction=True)

WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


@pytest.fixture
def trial():
    trial = make_trial()
    seal(trial)
    return trial


@pytest.fixture
def by(trial):
    return make_user("coordinator", trial=trial)


@pytest.fixture
def manager(trial):
    return make_user("trial_manager", trial=trial)


def click(participant, by):
    """None, or why it was refused."""
    try:
        with acting("system:test"):
            allocate(participant=participant, by=by, now=NOW)
    except (NotReady, ListExhausted) as refused:
        return str(refused)
    finally:
        connection.close()


@contextmanager
def clicked_meanwhile(participant, by):
    """Yields inside a transaction that commits once the click waits for it; then the list has its answer."""
    told = []
    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            yield told
            clicked = other.submit(click, participant, by)
            _wait_until_it_waits()
        told.append(clicked.result(30))


def _wait_until_it_waits():
    deadline = monotonic() + 30
    with connection.cursor() as cursor:
        while monotonic() < deadline:
            cursor.execute(WAITING)
            if cursor.fetchone()[0]:
                return
            sleep(0.01)
    raise AssertionError("the click does not wait")


def test_a_withdrawal_is_not_overtaken(trial, by):
    participant = make_verified_participant(trial, by=by)
    with clicked_meanwhile(participant, by) as told:
        later = NOW + timedelta(seconds=1)  # than the click, which waits; and clocks of two servers differ
        add_status(
            participant=participant, name=Status.WITHDRAWN_INTERVENTION, by=by, now=later, reason="Said so"
        )
    assert "Has not withdrawn" in told[0]
    assert not is_allocated(participant)


def test_a_site_that_closed_while_the_click_waited_is_closed(trial, by, manager):
    participant = make_verified_participant(trial, by=by)
    with clicked_meanwhile(participant, by) as told:
        close_site(site=participant.site, by=manager, now=NOW)
    assert told == ["This participant cannot be randomized yet. Missing: The site is open."]


def test_a_trial_that_is_being_closed_takes_in_nobody_more(trial, by):
    participant = make_verified_participant(trial, by=by)
    with clicked_meanwhile(participant, by) as told:
        set_trial_status(trial=trial, name=TrialStatus.Name.CLOSED, by="system:test", now=NOW)
    assert told == ["This participant cannot be randomized yet. Missing: The trial is recruiting."]


def test_a_version_that_comes_into_force_counts_at_once(trial, by):
    participant = make_verified_participant(trial, by=by)
    sources = read_sources(TINY)
    text = sources.protocol.replace('version = "1.0"', 'version = "1.1"')
    text = text.replace("weeks_sick_listed >= 8 ", "weeks_sick_listed >= 13 ")
    version = load_protocol(sources=Sources(text, sources.instruments), reason="Later", now=NOW)
    with clicked_meanwhile(participant, by) as told:
        put_in_force(version=version, by="system:test", now=NOW)
    assert "The answers meet the criteria that apply now" in told[0]


def test_participants_of_two_strata_do_not_wait_for_each_other_far_from_the_target(trial, by):
    one, other = (make_verified_participant(trial, complaint=said, by=by) for said in ("pain", "mind"))
    with ThreadPoolExecutor(1) as colleague, transaction.atomic():
        allocate(participant=one, by=by, now=NOW)
        assert colleague.submit(click, other, by).result(30) is None
    assert is_allocated(one)
    assert is_allocated(other)


def test_nobody_passes_the_target_where_they_begin_to_wait_for_each_other(by):
    """The last ones are allocated one by one: as many as could be underway at once."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('max_connections')::int + 3")
        (target,) = cursor.fetchone()
    changes = {"target = 400": f"target = {target}", "places_per_stratum = 40": "places_per_stratum = 400"}
    trial = make_trial("nearly", changes=changes)
    seal(trial)
    by = make_user("coordinator", trial=trial)
    first = [make_verified_participant(trial, complaint=said, by=by) for said in ("pain", "mind")]
    people = list(chain(*zip(*(copies_of(one, target // 2 + 4) for one in first), strict=True)))

    def clicks(number):
        return [click(one, by) for one in people[number::6]]

    told = Counter(chain(*at_once([partial(clicks, number) for number in range(6)])))

    assert told[None] == Allocation.objects.count() == target
    assert set(told) == {
        None,
        "This participant cannot be randomized yet. Missing: The trial still needs participants.",
    }
    verify(trial)


def test_the_last_participant_of_the_target_is_one_whichever_site_clicks_first(by):
    trial = make_trial("nearly", changes={"target = 400": "target = 3"})
    seal(trial)
    by = make_user("coordinator", trial=trial)
    for _ in range(2):
        allocate(participant=make_verified_participant(trial, by=by), by=by, now=NOW)
    last = [make_verified_participant(trial, site, by=by) for site in trial.sites.all()]

    told = at_once([partial(click, participant, by) for participant in last])

    assert sorted(map(str, told)) == [
        "None",
        "This participant cannot be randomized yet. Missing: The trial still needs participants.",
    ]
    assert Allocation.objects.filter(participant__trial=trial).count() == 3
    assert verify(trial).allocations == 3


def test_the_last_place_of_a_list_is_given_once():
    trial = make_trial(
        "short", changes={"places_per_stratum = 40": "places_per_stratum = 4", "[4, 6]": "[4]"}
    )
    seal(trial)
    by = make_user("coordinator", trial=trial)
    people = [make_verified_participant(trial, by=by) for _ in range(7)]
    told = at_once([partial(click, participant, by) for participant in people])
    assert told.count(None) == 4
    assert {reason for reason in told if reason} == {
        "All places on the list for this site and these answers are used. Nobody was randomized. "
        "Ask the trial statistician for more."
    }
    assert set(Stratum.objects.filter(sealed_list__trial=trial).values_list("used", flat=True)) == {0, 4}


def test_minimization_decides_one_by_one_however_many_click():
    trial = make_trial(
        "minimized",
        changes={
            'method = "permuted_blocks"': 'method = "minimization"\nprobability = "4/5"',
            "block_sizes = [4, 6]\n": "",
            "target = 400": "target = 40",
        },
    )
    seal(trial)
    by = make_user("coordinator", trial=trial)
    people = [make_verified_participant(trial, site, by=by) for site in trial.sites.all() for _ in range(6)]
    at_once([partial(click, participant, by) for participant in people])
    given = Allocation.objects.order_by("pk").values_list("place__position", flat=True)
    assert list(given) == list(range(1, 13))
