"""The two yardstick trials run from their files alone, and the files say what is known about them."""

import subprocess
from datetime import time
from pathlib import Path

import pytest

from trial.protocol.checks import findings
from trial.protocol.expressions import evaluate
from trial.protocol.reading import Sources, read_sources, study_from
from trial.questionnaires.scoring import results

FOLDER = Path("protocols")
FILES = sorted(FOLDER.glob("*.toml"))
INSTRUMENTS = sorted((FOLDER / "instruments").glob("*.toml"))


@pytest.fixture(scope="module")
def workup():
    return study_from(read_sources(FOLDER / "workup.toml"))


@pytest.fixture(scope="module")
def expert():
    return study_from(read_sources(FOLDER / "expert-at-work.toml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_trial_file_has_neither_mistakes_nor_notes(file):
    assert findings(read_sources(file))[1] == []


@pytest.mark.parametrize("file", INSTRUMENTS, ids=lambda file: file.stem)
def test_every_instrument_is_right_also_when_no_trial_uses_it(file):
    """It is put into a trial in place of that trial's own instruments."""
    tiny = read_sources(Path("tests/protocols/tiny.toml"))
    uses = f'[[instruments]]\ninstrument = "{file.stem}"\noccasions = ["week2"]\n\n[[instruments]]'
    text = tiny.protocol.replace("[[instruments]]", uses, 1)
    sources = Sources(text, {**tiny.instruments, file.stem: file.read_text()})
    own = [problem for problem in findings(sources)[1] if problem.source == file.stem]
    clash = {"pain_now", "has_employer"}  # these two are items of the tiny trial too
    assert [str(problem) for problem in own if not any(key in problem.what for key in clash)] == []


def test_no_code_knows_a_trial_by_name():
    names = "workup|work-up|expert-at-work|expert @ work|expert_at_work"
    code = ["trial", "screening", "randomization", "followup", "expertteam", "analysis", "templates"]
    found = subprocess.run(
        [
            "git",
            "grep",
            "-inE",
            names,
            "--",
            *(f"{folder}/*.{end}" for folder in code for end in ("py", "html")),
        ],
        capture_output=True,
        text=True,
    )
    assert found.stdout == ""


def test_expert_at_work_is_what_the_registry_says(expert):
    protocol = expert.protocol
    assert (protocol.registration, protocol.target, len(protocol.sites)) == ("NCT05575908", 170, 4)
    assert protocol.languages == ("nb", "nn", "en")
    assert protocol.time_zone == "Europe/Oslo"
    assert protocol.randomization.method == "permuted_blocks"
    assert [factor.source for factor in protocol.randomization.strata] == ["site", "main_complaint"]
    assert protocol.expert_team.arm == "expert_team"
    assert {"nav_adviser", "gp"} == {one.key for one in protocol.expert_team.professions if one.required}


def test_workup_is_what_was_published(workup):
    protocol = workup.protocol
    assert (protocol.registration, protocol.target, len(protocol.sites)) == ("NCT02609750", 500, 20)
    assert len({site.pair for site in protocol.sites}) == 10
    assert all(site.cluster for site in protocol.sites)
    assert protocol.languages == ("sv", "en")
    assert protocol.randomization.method == "pairwise_clusters"
    assert protocol.expert_team is None


@pytest.mark.parametrize("name", ["workup", "expert"])
def test_both_ask_52_weeks_and_at_3_6_and_12_months(name, request):
    protocol = request.getfixturevalue(name).protocol
    assert (protocol.weekly.weeks, protocol.weekly.reminder_after_hours, protocol.weekly.backfill_weeks) == (
        52,
        24,
        4,
    )
    assert [one.week for one in protocol.questionnaires] == [13, 26, 52]
    assert [tick.key for tick in protocol.consent.ticks] == ["sms", "registers", "interview"]
    assert (protocol.analysis.working.week, protocol.analysis.working.consecutive_weeks) == (52, 4)
    assert protocol.messages.quiet_from == time(21)
    assert all(text.count("## ") >= 7 for text in protocol.consent.text.root.values())


def decision(study, **answers):
    """Keys of the criteria that keep somebody out, and of those that cannot be told."""
    said = {
        one.key: (evaluate(one.expression, answers), one.kind)
        for one in study.protocol.eligibility.criteria
        if one.checked_by == "participant"
    }
    out = {key for key, (holds, kind) in said.items() if holds is (kind == "exclusion")}
    return out, {key for key, (holds, _) in said.items() if holds is None}


NORWEGIAN = {
    "sick_listed": True, "weeks_sick_listed": 12, "main_complaint": "mental", "age": 40,
    "home_postal_code": "7030", "norwegian": True,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "out"),
    [
        ({}, set()),
        ({"weeks_sick_listed": 8}, set()),
        ({"weeks_sick_listed": 20}, set()),
        ({"weeks_sick_listed": 7}, {"at_least_8_weeks"}),
        ({"weeks_sick_listed": 21}, {"at_most_20_weeks"}),
        ({"main_complaint": "other"}, {"complaint"}),
        ({"age": 17}, {"age_18_to_67"}),
        ({"age": 68}, {"age_18_to_67"}),
        ({"home_postal_code": "5999"}, {"mid_norway"}),
        ({"home_postal_code": "6000"}, set()),
        ({"home_postal_code": "8000"}, {"mid_norway"}),
        ({"norwegian": False}, {"norwegian"}),
        ({"sick_listed": False, "weeks_sick_listed": None}, {"on_sick_leave"}),
    ],
)
def test_who_fits_expert_at_work(expert, change, out):
    assert decision(expert, **{**NORWEGIAN, **change}) == (out, set())


def test_who_comes_too_early_may_try_again_and_who_comes_too_late_is_not_told_to(expert):
    reasons = {one.key: one.reason.in_("en") for one in expert.protocol.eligibility.criteria}

    assert "try again" in reasons["at_least_8_weeks"]
    assert "again" not in reasons["at_most_20_weeks"]


def test_nobody_is_turned_away_by_a_question_not_asked_yet(expert, workup):
    assert decision(expert)[0] == set()
    assert decision(workup)[0] == set()


SWEDISH = {
    "pain_place": "back", "pain_weeks": 3, "worked_four_weeks": True, "sick_leave_days": 0,
    "retirement_pension": False, "age": 40, "other_conditions": ["none"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "out"),
    [
        ({}, set()),
        ({"pain_weeks": 11}, set()),
        ({"pain_weeks": 12}, {"less_than_12_weeks"}),
        ({"pain_place": "neither", "pain_weeks": None}, {"neck_or_back"}),
        ({"worked_four_weeks": False}, {"worked_four_weeks"}),
        ({"sick_leave_days": 60}, set()),
        ({"sick_leave_days": 61}, {"at_most_60_days"}),
        ({"retirement_pension": True}, {"retirement_pension"}),
        ({"other_conditions": ["pregnant", "other_treatment"]}, {"pregnancy", "other_acute_treatment"}),
    ],
)
def test_who_fits_workup(workup, change, out):
    assert decision(workup, **{**SWEDISH, **change}) == (out, set())


def test_workup_takes_in_those_above_40_on_ompsq_short(workup):
    (criterion,) = [one for one in workup.protocol.eligibility.criteria if one.key == "ompsq_over_40"]
    fives = {item.key: 5 for item in workup.instruments["ompsq_short"].items} | {"ompsq_duration": "week_1"}
    answered = results(workup.instruments["ompsq_short"], fives)
    assert answered["ompsq_total"] == 46
    assert evaluate(criterion.expression, answered) is True
    assert evaluate(criterion.expression, {"ompsq_total": 40.0}) is False
    assert evaluate(criterion.expression, {"ompsq_total": None}) is None
