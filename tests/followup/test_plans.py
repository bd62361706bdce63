from datetime import date, timedelta
from itertools import pairwise

import pytest

from followup.calendar import first_day, schedule
from followup.models import Occasion, Plan
from followup.services import finish_plans, make_plans
from tests.factories import NOW, make_trial, make_verified_participant
from tests.followup.conftest import OSLO, oslo
from trial.people.models import Status
from trial.people.selectors import facts
from trial.people.services import add_status
from trial.protocol.selectors import active_protocol


@pytest.fixture
def protocol(trial):
    return active_protocol(trial)


def test_a_randomized_participant_gets_every_week_and_questionnaire(world, anna):
    keys = list(Occasion.objects.filter(participant=anna).order_by("opens_at").values_list("key", flat=True))
    assert keys == ["w01", "w02", "week2", "w03", "w04"]
    assert anna.plan.starts_on == date(2026, 3, 9)


def test_the_sweep_makes_each_plan_once(world, anna):
    assert make_plans(now=NOW) == 0
    assert Plan.objects.count() == 1


def test_who_is_not_randomized_gets_no_plan(world):
    make_verified_participant(world.trial)
    assert make_plans(now=NOW) == 0


def test_a_week_ends_the_evening_before_its_question(world, anna):
    week = world.week(anna, 1)
    assert week.week_start == date(2026, 3, 9)
    assert week.opens_at == oslo(2026, 3, 16, 10, 0)
    assert week.closes_at == oslo(2026, 3, 23, 10, 0)


def test_the_question_keeps_its_local_hour_through_summer_time(protocol):
    opens = [one.opens_at for one in schedule(date(2026, 3, 9), protocol) if one.kind == "weekly"]
    assert [moment.astimezone(OSLO).hour for moment in opens] == [10, 10, 10, 10]
    assert [moment.hour for moment in opens] == [9, 9, 8, 8]  # the clock changed on 29 March
    assert opens[2] - opens[1] == timedelta(days=7) - timedelta(hours=1)


def test_weeks_go_on_over_new_year_and_a_leap_day():
    protocol = active_protocol_of(weeks=52)
    weekly = [one for one in schedule(date(2027, 12, 27), protocol) if one.kind == "weekly"]
    assert weekly[0].opens_at == oslo(2028, 1, 3, 10, 0)
    assert date(2028, 2, 28) in [one.week_start for one in weekly]
    assert len(weekly) == 52
    assert all(b.opens_at == a.closes_at for a, b in pairwise(weekly))


def active_protocol_of(**weekly):
    from tests.factories import TINY
    from trial.protocol.reading import read_sources, study_from

    protocol = study_from(read_sources(TINY)).protocol
    return protocol.model_copy(update={"weekly": protocol.weekly.model_copy(update=weekly)})


@pytest.mark.parametrize(
    ("randomized", "first"),
    [
        (oslo(2026, 3, 8, 23, 59), date(2026, 3, 9)),  # Sunday, one minute to Monday
        (oslo(2026, 3, 9, 0, 0), date(2026, 3, 16)),
        (oslo(2026, 3, 9, 9, 0), date(2026, 3, 16)),
        (oslo(2026, 12, 31, 23, 30), date(2027, 1, 4)),
        (oslo(2026, 10, 25, 2, 30), date(2026, 10, 26)),  # the hour that the clock repeats
    ],
)
def test_week_one_begins_on_the_first_weekday_after_randomization(protocol, randomized, first):
    assert first_day(randomized, protocol) == first


def test_every_time_zone_counts_its_own_days():
    protocol = active_protocol_of().model_copy(update={"time_zone": "Pacific/Auckland"})
    assert first_day(oslo(2026, 3, 8, 11, 30), protocol) == date(2026, 3, 9)
    assert first_day(oslo(2026, 3, 8, 12, 30), protocol) == date(2026, 3, 16)  # Monday over there


def test_follow_up_is_complete_when_the_last_occasion_has_closed(world, anna):
    last = Occasion.objects.filter(participant=anna).latest("closes_at").closes_at
    assert finish_plans(now=last - timedelta(seconds=1)) == 0
    assert finish_plans(now=last) == 1
    assert finish_plans(now=last) == 0
    assert Status.COMPLETED in facts(anna, last)


@pytest.mark.parametrize("left", [Status.WITHDRAWN_CONTACT, Status.WITHDRAWN_DATA, Status.DIED])
def test_who_left_before_the_end_never_completes_the_follow_up(world, anna, left):
    add_status(participant=anna, name=left, by=None, now=NOW)
    last = Occasion.objects.filter(participant=anna).latest("closes_at").closes_at
    assert finish_plans(now=last) == 0


def test_two_trials_have_plans_of_their_own(world, anna):
    make_trial("other")
    assert make_plans(now=NOW) == 0
