"""Scores follow the published rules, which each instrument's file names."""

import tomllib
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trial.protocol.schema import Instrument, Kind
from trial.protocol.schema.items import ValueSet
from trial.questionnaires.scoring import band_of, results, score_of
from trial.questionnaires.value_sets import index

FOLDER = Path("protocols/instruments")
ALL = {
    file.stem: Instrument.model_validate(tomllib.loads(file.read_text())) for file in FOLDER.glob("*.toml")
}


def answers_with(instrument, scores):
    """Answers whose options count the given scores, in the order of the items; None leaves one out."""
    answers = {}
    for item, wanted in zip(instrument.items, scores, strict=True):
        if wanted is not None and item.kind == Kind.SINGLE:
            answers[item.key] = next(option.value for option in item.options if option.score == wanted)
        elif wanted is not None:
            answers[item.key] = wanted
    return answers


def band(instrument, key, answers):
    score = next(one for one in instrument.scores if one.key == key)
    found = band_of(score, score_of(instrument, score, answers))
    return found and found.key


@pytest.mark.parametrize(
    ("answers", "total", "psychosocial", "risk"),
    [
        ([0, 0, 0, 0, 0, 0, 0, 0, 0], 0, 0, "low"),
        ([1, 1, 1, 0, 0, 0, 0, 0, 0], 3, 0, "low"),
        ([1, 1, 1, 1, 0, 0, 0, 0, 0], 4, 0, "medium"),
        ([1, 1, 1, 1, 1, 1, 1, 0, 0], 7, 3, "medium"),
        ([0, 0, 0, 0, 1, 1, 1, 1, 0], 4, 4, "high"),
        ([1, 1, 1, 1, 1, 1, 1, 1, 1], 9, 5, "high"),
    ],
)
def test_start_back_groups_by_total_and_psychosocial_sum(answers, total, psychosocial, risk):
    found = results(ALL["start_back"], answers_with(ALL["start_back"], answers))
    assert found == {
        "start_back_total": total,
        "start_back_psychosocial": psychosocial,
        "start_back_risk": risk,
    }


@pytest.mark.parametrize(
    ("bother", "counts"),
    [("not_at_all", 0), ("slightly", 0), ("moderately", 0), ("very", 1), ("extremely", 1)],
)
def test_start_back_counts_bothersomeness_from_very(bother, counts):
    answers = answers_with(ALL["start_back"], [0] * 9) | {"start_back_bother": bother}
    assert results(ALL["start_back"], answers)["start_back_total"] == counts


def test_start_back_without_all_answers_has_no_group():
    answers = answers_with(ALL["start_back"], [0, 0, 0, 0, 0, 0, 0, 0, None])
    assert set(results(ALL["start_back"], answers).values()) == {None}


def test_ompsq_short_reverses_the_three_items_that_say_so():
    instrument = ALL["ompsq_short"]
    worst = [10, 10, 0, 0, 10, 10, 10, 0, 10, 10]
    best = [1, 0, 10, 10, 0, 0, 0, 10, 0, 0]
    assert results(instrument, answers_with(instrument, worst)) == {"ompsq_total": 100}
    assert results(instrument, answers_with(instrument, best)) == {"ompsq_total": 1}


@pytest.mark.parametrize(
    ("points", "name"),
    [(0, "poor"), (5, "poor"), (6, "moderate"), (7, "moderate"), (8, "good"), (9, "good"), (10, "excellent")],
)
def test_work_ability_score_bands(points, name):
    assert band(ALL["work_ability_score"], "work_ability_points", {"work_ability": points}) == name


PHQ9 = {
    4: "minimal",
    5: "mild",
    10: "moderate",
    15: "moderately_severe",
    19: "moderately_severe",
    20: "severe",
}
GAD7 = {0: "minimal", 4: "minimal", 5: "mild", 9: "mild", 10: "moderate", 15: "severe", 21: "severe"}


@pytest.mark.parametrize(
    ("key", "total", "name"),
    [
        *(("phq9", total, name) for total, name in PHQ9.items()),
        *(("gad7", total, name) for total, name in GAD7.items()),
    ],
)
def test_bands_of_phq9_and_gad7_start_at_the_published_cuts(key, total, name):
    scores = [min(3, max(0, total - 3 * place)) for place in range(len(ALL[key].items))]
    answers = answers_with(ALL[key], scores)
    assert results(ALL[key], answers) == {f"{key}_total": total}
    assert band(ALL[key], f"{key}_total", answers) == name


def test_hscl10_is_a_case_from_a_mean_of_1_85():
    instrument = ALL["hscl10"]
    below = answers_with(instrument, [2] * 8 + [1, 1])
    assert results(instrument, below) == {"hscl10_mean": 1.8}
    assert band(instrument, "hscl10_mean", below) == "below"
    above = answers_with(instrument, [2] * 9 + [1])
    assert band(instrument, "hscl10_mean", above) == "case"


def test_hscl10_allows_two_missing_answers_and_not_three():
    instrument = ALL["hscl10"]
    assert results(instrument, answers_with(instrument, [3] * 8 + [None] * 2)) == {"hscl10_mean": 3.0}
    assert results(instrument, answers_with(instrument, [3] * 7 + [None] * 3)) == {"hscl10_mean": None}


def test_a_sum_with_missing_answers_counts_them_as_the_mean_of_the_others():
    instrument = ALL["gad7"]
    lenient = instrument.scores[0].model_copy(update={"least_answered": 5})
    assert score_of(instrument, lenient, answers_with(instrument, [1, 2, 1, 2, 1, 2, None])) == pytest.approx(
        10.5
    )
    assert score_of(instrument, lenient, answers_with(instrument, [1, 2, 1, 2, None, None, None])) is None


VALUES = [
    ("eq5d3l_uk", "11111", 1), ("eq5d3l_uk", "22222", 0.516), ("eq5d3l_uk", "33333", -0.594),
    ("eq5d3l_denmark", "22222", 0.592), ("eq5d3l_denmark", "33333", -0.624),
    ("eq5d3l_sweden", "11111", 0.969), ("eq5d3l_sweden", "22222", 0.684), ("eq5d3l_sweden", "33333", 0.340),
    ("eq5d5l_norway", "11111", 1), ("eq5d5l_norway", "21232", 0.746), ("eq5d5l_norway", "55555", -0.453),
    ("eq5d5l_denmark", "21232", 0.760), ("eq5d5l_denmark", "55555", -0.758),
    ("eq5d5l_sweden_2020", "21232", 0.817), ("eq5d5l_sweden_2020", "55555", 0.243),
    ("eq5d5l_sweden_2022", "21232", 0.878), ("eq5d5l_sweden_2022", "55555", -0.314),
]  # fmt: skip


@pytest.mark.parametrize(("value_set", "state", "value"), VALUES)
def test_eq5d_values_are_those_of_the_countries(value_set, state, value):
    assert float(index(value_set, [int(level) for level in state])) == pytest.approx(value, abs=0.0005)


@pytest.mark.parametrize("value_set", get_args(ValueSet))
def test_every_value_set_values_every_state_and_never_a_worse_one_higher(value_set):
    worst = int(value_set[4])
    for place in range(5):
        values = [
            index(value_set, [level if at == place else 1 for at in range(5)])
            for level in range(1, worst + 1)
        ]
        assert values == sorted(values, reverse=True)


def eq5d(levels):
    """An instrument as a trial writes it once it has the right to the wording."""
    options = [{"value": f"level_{n}", "label": {"en": str(n)}, "score": n} for n in range(1, levels + 1)]
    items = [{"key": key, "kind": "single", "label": {"en": key}, "options": options} for key in "abcde"]
    score = {
        "key": "value",
        "name": {"en": "Value"},
        "method": "value_set",
        "value_set": "eq5d3l_sweden",
        "items": list("abcde"),
    }
    page = {"key": "p", "title": {"en": "P"}, "items": items}
    about = {
        "key": "eq5d3l",
        "version": "1",
        "title": {"en": "EQ-5D"},
        "languages": ["en"],
        "licence": "x",
        "source": "x",
    }
    return Instrument.model_validate({**about, "pages": [page], "scores": [score]})


def test_a_value_set_scores_an_instrument_and_needs_all_five_answers():
    instrument = eq5d(3)
    assert results(instrument, answers_with(instrument, [2] * 5))["value"] == pytest.approx(0.6843)
    assert results(instrument, answers_with(instrument, [2] * 4 + [None])) == {"value": None}


def scored(instrument):
    """For each item of an instrument's scores a strategy of its possible numbers."""
    return [
        st.sampled_from([option.score for option in item.options])
        if item.kind == Kind.SINGLE
        else st.integers(int(item.minimum), int(item.maximum))
        for item in instrument.items
    ]


SCORED = sorted(
    key
    for key, one in ALL.items()
    if one.scores and all(item.kind in (Kind.SINGLE, Kind.SCALE) for item in one.items)
)


@pytest.mark.parametrize("key", SCORED)
@given(data=st.data())
def test_any_full_answer_has_a_score_within_the_possible_range_and_one_band(key, data):
    instrument = ALL[key]
    numbers = data.draw(st.tuples(*scored(instrument)))
    answers = answers_with(instrument, numbers)
    by_key = dict(zip((item.key for item in instrument.items), numbers, strict=True))
    for score in instrument.scores:
        value = score_of(instrument, score, answers)
        bounds = [_range(instrument, item) for item in score.items]
        low, high = sum(low for low, _ in bounds), sum(high for _, high in bounds)
        turned = [
            low + high - by_key[item] if item in score.reversed else by_key[item]
            for item, (low, high) in zip(score.items, bounds, strict=True)
        ]
        expected = sum(turned) if score.method == "sum" else sum(turned) / len(turned)
        assert value == pytest.approx(float(expected))
        assert float(low) <= value * (1 if score.method == "sum" else len(turned)) <= float(high)
        assert (band_of(score, value) is None) == (not score.bands)
    for grouping in instrument.groupings:
        assert results(instrument, answers)[grouping.key] in {group.key for group in grouping.groups}


def _range(instrument, key):
    item = next(one for one in instrument.items if one.key == key)
    if item.kind == Kind.SINGLE:
        scores = [option.score for option in item.options]
        return min(scores), max(scores)
    return item.minimum, item.maximum
