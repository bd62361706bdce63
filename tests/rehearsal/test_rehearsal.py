import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random

import pytest

from benchmarks.rehearsal import MOST_SECONDS, refuse_slow
from followup.selectors import Missing
from tests.production import compose, filled_in
from trial.accounts.roles import Coordinator
from trial.protocol.reading import read_sources, study_from
from trial.rehearsal.answers import answer, fill
from trial.rehearsal.run import Plan
from trial.rehearsal.services import ParticipantsRefused, WeeksRefused, rehearse
from trial.rehearsal.staff import ROLES, name_of

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests" / "protocols" / "tiny.toml"


@pytest.fixture
def story(transactional_db, settings, tmp_path):
    settings.EXPORT_DIR = tmp_path
    return rehearse(sources=read_sources(TINY), participants=30, weeks=4, seed=1, first_day=date(2025, 1, 6))


def test_the_flow_adds_up_and_no_message_is_without_a_fate(story):
    consort = story.consort
    assert consort["assessed"] == consort["excluded"] + consort["consented"] + consort["underway"]
    assert consort["consented"] == consort["baseline_completed"] == 30
    assert consort["verified"] == consort["randomized"] == story.participants
    assert story.messages["unaccounted"] == 0
    assert story.weekly_answers > 0


def test_the_page_for_a_terminal_says_who_came_and_what_the_teams_did(story):
    page = story.as_text()
    assert page.startswith(f"tiny: 30 consented, {story.participants} randomized; 4 weeks, seed 1")
    assert story.expert_team["cases"] > 0
    assert 0 < story.expert_team["notes"] == story.expert_team["advice signed"]
    assert "Expert team" in page
    assert "0/0" not in page


def test_the_baseline_repeats_what_was_said_before_under_the_same_key():
    items = study_from(read_sources(TINY)).instruments["background"].items
    known = {"has_employer": True, "hours_a_week": 37.5}
    for seed in range(5):
        given = fill(items, Random(seed), date(2025, 1, 6), known)
        assert (given["has_employer"], given["hours_a_week"]) == (True, 37.5)
    strange = fill(items, Random(1), date(2025, 1, 6), {"has_employer": True, "hours_a_week": 500})
    assert strange["hours_a_week"] <= 80


def test_a_percentage_is_at_most_a_hundred_even_where_the_form_allows_more():
    items = study_from(read_sources(ROOT / "protocols" / "workup.toml")).instruments["work_background"].items
    position = next(item for item in items if item.key == "employment_percent")
    drawn = [answer(position, Random(seed), date(2025, 1, 6)) for seed in range(200)]
    assert 1 <= min(drawn) <= max(drawn) <= 100


def test_more_weeks_than_the_protocol_has_are_refused(transactional_db):
    with pytest.raises(WeeksRefused, match="asks for 4 weeks"):
        rehearse(sources=read_sources(TINY), participants=1, weeks=999, seed=1, first_day=date(2025, 1, 6))


def test_more_participants_than_planned_are_refused(transactional_db):
    with pytest.raises(ParticipantsRefused, match="plans for 400 participants"):
        rehearse(sources=read_sources(TINY), participants=401, weeks=1, seed=1, first_day=date(2025, 1, 6))


def test_every_week_has_an_answer_or_a_reason(story):
    weeks = story.participants * story.weeks
    answered = weeks - sum(story.missing_weeks.values())
    assert 0 < answered <= story.weekly_answers
    assert set(story.missing_weeks) <= {reason.value for reason in Missing}


def test_two_plans_for_the_same_moment_have_an_order():
    at = datetime(2025, 1, 6, 12, tzinfo=UTC)
    reply, visit = Plan(at, 1, "w13", "3"), Plan(at, 1, "w13", None)
    assert (reply < visit, visit < reply) == (False, False)


def run(*arguments, tmp_path, **settings):
    environment = {
        **os.environ,
        "TILBAKE_VAR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "trial.config.settings",
        **settings,
    }
    return subprocess.run(
        [sys.executable, "manage.py", "rehearse", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


def told(participants, weeks, *, tmp_path, hash_seed):
    """What a rehearsal of WorkUp tells, but for its seconds, in a process that orders sets its way."""
    size = ("--participants", str(participants), "--weeks", str(weeks), "--seed", "7")
    answer = run("workup", *size, "--json", tmp_path=tmp_path, PYTHONHASHSEED=hash_seed)
    assert answer.returncode == 0, answer.stderr
    story = json.loads(answer.stdout)
    return {key: story[key] for key in story if key != "seconds"}


@pytest.mark.parametrize(
    ("participants", "weeks"),
    [(4, 3), pytest.param(60, 12, marks=[pytest.mark.heavy, pytest.mark.timeout(600)])],
)
def test_the_same_seed_gives_the_same_data_set(django_db_setup, tmp_path, participants, weeks):
    first, second = (told(participants, weeks, tmp_path=tmp_path, hash_seed=seed) for seed in ("0", "2"))
    assert first == second
    assert len(first["data_sha256"]) == 64


def of_container(name):
    """Its settings in docker-compose.yml, with the servers of this test run."""
    settings = compose(filled_in())["services"][name]["environment"]
    return {variable: os.environ.get(variable, value) for variable, value in settings.items()}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("protocol", ["workup", "expert-at-work"])
def test_a_production_server_rehearses_with_people_whom_it_would_refuse_in_the_trial(
    django_db_setup, tmp_path, protocol
):
    size = ("--participants", "2", "--weeks", "1", "--json")
    answer = run(protocol, *size, tmp_path=tmp_path, **of_container("migrate"))
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["participants"] > 0


def test_a_container_without_the_owners_right_says_in_one_sentence_which_one_rehearses(
    django_db_setup, tmp_path
):
    answer = run("workup", tmp_path=tmp_path, **(of_container("web") | {"OWNER_DATABASE_URL": ""}))
    assert answer.returncode != 0
    assert answer.stderr.startswith("CommandError: This process may not make a database")
    assert "docker compose run --rm migrate" in answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1


def test_the_benchmark_fails_when_a_rehearsal_takes_too_long():
    refuse_slow(MOST_SECONDS)
    with pytest.raises(SystemExit, match="too slow, 91 s instead of 90 s"):
        refuse_slow(91.2)


def test_a_trial_that_does_not_exist_is_said_so_in_one_sentence(django_db_setup, tmp_path):
    answer = run("nowhere", tmp_path=tmp_path)
    assert answer.returncode != 0
    assert answer.stderr.strip() == (
        "CommandError: No protocol nowhere is loaded, and there is no file protocols/nowhere.toml."
    )


def test_a_rehearsal_of_nobody_is_refused(django_db_setup, tmp_path):
    answer = run("workup", "--participants", "0", tmp_path=tmp_path)
    assert answer.returncode != 0
    assert "at least one participant" in answer.stderr


def test_staff_have_names_of_their_own(db):
    names = {name_of(role, workplace) for role in ROLES for workplace in ("workup", "expert-at-work")}
    assert len(names) == 2 * len(ROLES)
    assert name_of(Coordinator, "workup").endswith("(coordinator)")
