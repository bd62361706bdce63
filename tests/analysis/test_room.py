"""Who may see the data room, and what it shows."""

import hashlib

import pytest
from django.urls import reverse
from django.utils import translation

from analysis.models import Download
from analysis.monitoring import Monitoring
from analysis.services import analyse_snapshot, make_snapshot
from analysis.templatetags.analysis import result
from followup.selectors import WeekResponse
from randomization.services import record_deviation
from tests.analysis.conftest import LATER
from tests.factories import make_trial, make_user
from trial.audit.models import ReadEvent
from trial.protocol.models import TrialStatus
from trial.protocol.services import set_trial_status


@pytest.fixture
def snapshot(trial, participants):
    made = make_snapshot(trial=trial, by="system:test", now=LATER)
    analyse_snapshot(snapshot=made)
    return made


@pytest.fixture
def room(client, trial, time_machine):
    """Opens the data room as somebody."""
    time_machine.move_to(LATER)

    def open_room(user=None, slug="tiny"):
        if user is not None:
            client.force_login(user)
        return client.get(reverse("analysis:room", args=[slug]))

    return open_room


def download(client, snapshot, user=None):
    if user is not None:
        client.force_login(user)
    return client.post(reverse("analysis:download", args=[snapshot.trial.slug, snapshot.pk]))


def test_a_researcher_downloads_a_snapshot_and_it_is_recorded(client, snapshot, researcher):
    response = download(client, snapshot, researcher)
    assert response["Content-Disposition"] == f'attachment; filename="{snapshot.file_name}"'
    assert "no-store" in response["Cache-Control"]
    assert hashlib.sha256(b"".join(response.streaming_content)).hexdigest() == snapshot.sha256
    fetched = Download.objects.get()
    assert (fetched.snapshot, fetched.by) == (snapshot, researcher)
    read = ReadEvent.objects.latest("pk")
    assert (read.actor, read.what) == (f"user:{researcher.pk}", f"snapshot {snapshot.file_name}")


def test_a_monitor_sees_the_room_and_fetches_nothing(client, trial, snapshot, room):
    monitor = make_user("monitor", trial=trial)
    page = room(monitor)
    assert page.status_code == 200
    assert "/snapshots/" not in page.content.decode()
    assert download(client, snapshot, monitor).status_code == 404


@pytest.mark.parametrize("role", ["coordinator", "expert"])
def test_who_is_not_a_researcher_of_the_trial_gets_neither_room_nor_snapshot(
    client, trial, snapshot, room, role
):
    somebody = make_user(role, trial=trial)
    assert room(somebody).status_code == 404
    assert download(client, snapshot, somebody).status_code == 404
    assert not Download.objects.exists()


def test_the_researcher_of_another_trial_does_not_learn_that_this_one_is_there(client, snapshot, room):
    other = make_trial("other")
    stranger = make_user("researcher", trial=other)
    assert room(stranger).status_code == 404
    assert download(client, snapshot, stranger).status_code == 404
    client.force_login(stranger)
    elsewhere = reverse("analysis:download", args=["other", snapshot.pk])
    assert client.post(elsewhere).status_code == 404
    assert room(stranger, "other").status_code == 200
    assert not Download.objects.exists()


def test_a_visitor_is_asked_to_log_in(client, snapshot, room):
    assert room().status_code == 302
    assert download(client, snapshot).status_code == 302
    assert not Download.objects.exists()


def test_a_download_is_an_act_and_never_a_mere_link(client, snapshot, researcher):
    client.force_login(researcher)
    assert client.get(reverse("analysis:download", args=["tiny", snapshot.pk])).status_code == 405


def test_a_lost_file_is_told_kindly_and_the_attempt_is_not_a_download(client, snapshot, researcher):
    snapshot.path.unlink()
    response = download(client, snapshot, researcher)
    assert response.status_code == 302
    assert not Download.objects.exists()


def test_the_room_shows_recruitment_flow_answers_and_snapshots(room, snapshot, researcher):
    page = room(researcher).content.decode()
    for heading in ("recruitment", "answers", "flow", "missing", "analysis", "snapshots"):
        assert f'id="{heading}"' in page
    assert page.count("<polyline") == 4
    assert snapshot.sha256 in page
    assert "style=" not in page


@pytest.mark.parametrize(
    ("asked", "solid", "dotted"),
    [
        ((100, 100, 50, 9), 3, 2),
        ((100, 100, 50, 10), 4, 0),
        ((8, 8, 5, 4), 3, 2),
        ((4, 4, 3, 0), 0, 3),
    ],
)
def test_weeks_for_which_few_were_asked_are_dotted(trial, asked, solid, dotted):
    room = Monitoring(trial, LATER)
    room.weeks = [WeekResponse(number, n, n, n // 2) for number, n in enumerate(asked, 1)]
    drawn = room.responses
    assert sum(len(line.points.split()) for line in drawn.lines) == solid
    assert len(drawn.tail.split()) == dotted


def test_before_the_lock_the_room_tells_nothing_about_an_arm(room, snapshot, researcher):
    page = room(researcher).content.decode()
    for word in ("talk", "usual", "Samtale", "Vanlig oppf", "A vs B"):
        assert word not in page


def test_after_the_lock_the_room_compares_the_arms(room, trial, snapshot, researcher):
    for status in (TrialStatus.Name.CLOSED, TrialStatus.Name.LOCKED):
        set_trial_status(trial=trial, name=status, by="system:test", now=LATER, reason="done")
    analyse_snapshot(snapshot=make_snapshot(trial=trial, by="system:test", now=LATER))
    assert "talk vs usual" in room(researcher).content.decode()


def test_the_room_of_a_trial_that_has_just_begun_says_so(room, trial, researcher):
    page = room(researcher)
    assert page.status_code == 200
    assert "<polyline" not in page.content.decode()


def test_the_room_counts_deviations_and_tells_no_description(room, trial, participants):
    coordinator = make_user("coordinator", trial=trial)
    for kind in ("ineligible", "ineligible", "other"):
        record_deviation(
            participant=participants[0], kind=kind, description=f"Words {kind}", by=coordinator, now=LATER
        )
        record_deviation(
            participant=participants[1], kind=kind, description=f"Words {kind}", by=coordinator, now=LATER
        )
    with translation.override("en"):
        assert Monitoring(trial, LATER).deviations == [("Not eligible after all", 2), ("Something else", 2)]
    page = room(make_user("monitor", trial=trial)).content.decode()
    assert "Words" not in page


def test_a_result_is_rounded_not_cut_off():
    line = {"estimate": 0.70839, "low": 9.996, "high": 12.36, "p": 0.04996}
    with translation.override("nb"):
        assert result(line) == "0,708 (10,00 til 12,4) p = 0,0500"
