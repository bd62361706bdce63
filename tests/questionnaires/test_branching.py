import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import TINY
from trial.protocol.reading import read_sources, study_from
from trial.protocol.schema import Instrument
from trial.questionnaires.branching import kept_answers, shown_items, steps, unanswered

ELIGIBILITY = study_from(read_sources(TINY)).protocol.eligibility
BACKGROUND = Instrument.model_validate(
    tomllib.loads(Path("protocols/instruments/work_background.toml").read_text())
)


def keys(items):
    return [item.key for item in items]


def test_a_page_is_divided_before_a_question_that_depends_on_it():
    assert [keys(step.items) for step in steps(ELIGIBILITY.pages)] == [
        ["sick_listed"],
        ["weeks_sick_listed"],
        ["main_complaint"],
    ]


def test_questions_that_depend_on_the_same_one_stay_together():
    assert keys(steps(BACKGROUND.pages)[2].items) == [
        "employment_percent",
        "employer_contact",
        "physical_demands",
        "mental_demands",
    ]


@pytest.mark.parametrize("pages", [ELIGIBILITY.pages, BACKGROUND.pages], ids=["eligibility", "background"])
def test_dividing_keeps_every_question_in_order(pages):
    items = [item.key for page in pages for item in page.items]
    assert [item.key for step in steps(pages) for item in step.items] == items


def test_a_question_is_shown_only_when_its_condition_is_known_to_hold():
    items = ELIGIBILITY.items
    assert "weeks_sick_listed" not in keys(shown_items(items, {}))
    assert "weeks_sick_listed" not in keys(shown_items(items, {"sick_listed": False}))
    assert "weeks_sick_listed" in keys(shown_items(items, {"sick_listed": True}))


def test_the_answer_to_a_question_that_is_no_longer_asked_is_dropped():
    answers = {"sick_listed": False, "weeks_sick_listed": 12, "main_complaint": "pain"}
    assert kept_answers(ELIGIBILITY.items, answers) == {"sick_listed": False, "main_complaint": "pain"}


def test_only_questions_that_are_asked_and_required_can_be_unanswered():
    assert keys(unanswered(ELIGIBILITY.items, {"sick_listed": True})) == [
        "weeks_sick_listed",
        "main_complaint",
    ]
    assert keys(unanswered(ELIGIBILITY.items, {"sick_listed": False, "main_complaint": "pain"})) == []
    assert "background_remarks" not in keys(unanswered(BACKGROUND.items, {}))


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "has_employer": st.booleans(),
            "employment_percent": st.integers(1, 150),
            "sick_leave_now": st.booleans(),
            "sick_leave_degree": st.integers(20, 100),
            "gender": st.sampled_from(["woman", "man"]),
        },
    )
)
def test_what_is_kept_is_shown_and_keeping_again_changes_nothing(answers):
    kept = kept_answers(BACKGROUND.items, answers)
    assert kept.items() <= answers.items()
    assert set(kept) <= set(keys(shown_items(BACKGROUND.items, kept)))
    assert kept_answers(BACKGROUND.items, kept) == kept


def test_hiding_goes_through_a_chain_of_questions():
    chain = Instrument.model_validate(
        tomllib.loads("""
key = "chain"
version = "1"
title = { en = "Chain" }
languages = ["en"]
licence = "x"
source = "x"
[[pages]]
key = "p"
title = { en = "P" }
items = [
  { key = "a", kind = "yes_no", label = { en = "A" } },
  { key = "b", kind = "yes_no", label = { en = "B" }, shown_if = "a" },
  { key = "c", kind = "yes_no", label = { en = "C" }, shown_if = "b" },
]
""")
    )
    answers = {"a": False, "b": True, "c": True}
    assert kept_answers(chain.items, answers) == {"a": False}
    assert [keys(step.items) for step in steps(chain.pages)] == [["a"], ["b"], ["c"]]
