"""The tasks that beat wakes, and the watchdog that notices when they stop."""

from datetime import timedelta

import pytest
import time_machine

from tests.factories import NOW, make_participant, make_trial
from trial.messaging import tasks
from trial.messaging.models import State
from trial.messaging.selectors import SWEEPS, late_sweeps, unaccounted
from trial.messaging.services import beat


def test_a_sweep_that_never_ran_is_late(db):
    assert late_sweeps(NOW) == sorted(SWEEPS)


def test_a_sweep_is_late_when_it_has_not_run_for_as_long_as_it_said(db):
    for name in SWEEPS:
        beat(name=name, now=NOW, late_after=timedelta(minutes=3))
    beat(name="followup.turn", now=NOW, late_after=timedelta(hours=1))
    assert late_sweeps(NOW + timedelta(minutes=3)) == []
    assert late_sweeps(NOW + timedelta(minutes=4)) == sorted(SWEEPS)
    beat(name=SWEEPS[0], now=NOW + timedelta(minutes=4), late_after=timedelta(minutes=3))
    assert late_sweeps(NOW + timedelta(minutes=4)) == [SWEEPS[1]]


@pytest.mark.usefixtures("simulator")
def test_the_tasks_send_what_is_due_and_tell_that_they_live(plan):
    message = plan()
    with time_machine.travel(NOW, tick=False):
        tasks.dispatch()
        tasks.recover()
    message.refresh_from_db()
    assert message.state == State.SENT
    assert late_sweeps(NOW) == []


def test_messages_of_another_trial_are_accounted_there(trial, plan):
    other = make_trial("other")
    plan(person=make_participant(other))
    assert unaccounted(other, NOW).count() == 1
    assert not unaccounted(trial, NOW).exists()
