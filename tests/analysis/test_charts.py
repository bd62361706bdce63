"""Pictures as coordinates."""

import pytest

from analysis.charts import chart, round_marks, steps


@pytest.mark.parametrize(
    ("top", "marks"),
    [
        (0, [0, 1]),
        (1, [0, 1]),
        (8, [0, 2, 4, 6, 8]),
        (170, [0, 50, 100, 150, 200]),
        (500, [0, 200, 400, 600]),
    ],
)
def test_marks_are_numbers_that_people_count_in(top, marks):
    assert round_marks(top) == marks


def test_a_staircase_is_level_until_the_next_step():
    assert steps([(0, 0), (2, 1), (5, 3)]) == [(0, 0), (2, 0), (2, 1), (5, 1), (5, 3)]
    assert steps([]) == []


def test_coordinates_have_a_point_in_every_language(settings):
    settings.LANGUAGE_CODE = "nb"
    drawn = chart([("all", [(0, 0), (1, 0.5)])], end=2, top=1, across=[(2, "2")], up=[(1, "100 %")], goal=1)
    assert drawn.lines[0].points == "60.0,206.0 265.0,109.0"
    assert drawn.tail == ""
    assert (drawn.across[0].at, drawn.up[0].at, drawn.goal) == ("470.0", "12.0", "12.0")
