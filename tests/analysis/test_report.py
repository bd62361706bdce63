"""The first analysis from a snapshot's files alone."""

import json
import zipfile

import pytest

from analysis.statistics.report import Line, analyse
from analysis.statistics.snapshot_file import DamagedSnapshot, open_snapshot
from tests.analysis import snapshots

WORKING, NOT_WORKING = "5 5 0 0 0 0 0 0", "5 5 5 5 5 5 5 5"


def line(report, measure: str, group: str) -> Line:
    return next(line for line in report.lines if line.measure == measure and line.group == group)


@pytest.fixture
def people():
    """Arm A: 3 of 4 work, one misses an answer. Arm B: 1 of 3, one has not come to week 8 yet."""
    return {
        "A1": ("A", WORKING),
        "A2": ("A", WORKING),
        "A3": ("A", "0 0 0 0 0 0 0 0"),
        "A4": ("A", NOT_WORKING),
        "A5": ("A", "5 0 0 0 0 0 . 0"),
        "B1": ("B", "5 5 5 5 0 0 0 0"),
        "B2": ("B", NOT_WORKING),
        "B3": ("B", NOT_WORKING),
        "B4": ("B", "5 5 5 ~ ~ ~ ~ ~"),
        "N1": ("", ""),
    }


def test_work_ability_counts_whom_it_can_and_says_whom_it_cannot(people, tmp_path):
    report = analyse(snapshots.make(tmp_path / "s.zip", people))
    working = line(report, "working", "A")
    assert (working.n, working.of, working.estimate) == (3, 4, 0.75)
    assert line(report, "missing", "A").n == 1
    assert line(report, "reached the week", "B").n == 3
    assert line(report, "working, missing counted as not working", "A").estimate == pytest.approx(3 / 5)
    assert line(report, "working, missing counted as working", "A").estimate == pytest.approx(4 / 5)
    assert line(report, "working", "").of == 7
    assert line(report, "randomized", "").n == 9
    difference = line(report, "risk difference", "A vs B")
    assert difference.estimate == pytest.approx(3 / 4 - 1 / 3)
    assert line(report, "odds ratio", "A vs B").estimate == pytest.approx(6)


def test_sustained_return_follows_each_arm_in_days(people, tmp_path):
    report = analyse(snapshots.make(tmp_path / "s.zip", people))
    returned = line(report, "returned", "A")
    assert (returned.n, returned.of) == (4, 5)
    assert line(report, "median day", "A").estimate == 15
    assert line(report, "median day", "B").estimate is None


def test_a_whole_snapshot_gives_the_numbers_of_r(people, tmp_path):
    # d <- data.frame(t = c(15, 15, 1, 56, 8, 29, 56, 56, 21), e = c(1, 1, 1, 0, 1, 1, 0, 0, 0),
    #                 a = c(1, 1, 1, 1, 1, 0, 0, 0, 0), site = c(1, 2, 3, 4, 5, 1, 2, 3, 4))
    report = analyse(snapshots.make(tmp_path / "s.zip", people))
    # survdiff(Surv(t, e) ~ a, d)
    assert line(report, "log-rank test", "A vs B").estimate == pytest.approx(3.08964732, abs=1e-8)
    # coxph(Surv(t, e) ~ a, d)
    ratio = line(report, "hazard ratio of return", "A vs B")
    assert (ratio.estimate, ratio.low, ratio.high) == pytest.approx(
        (6.201248384, 0.6649729998, 57.83013977), rel=1e-8
    )
    # survfit(Surv(t, e) ~ a, d)
    median = line(report, "median day", "A")
    assert (median.estimate, median.low, median.high) == (15, 8, None)


def test_in_a_cluster_trial_people_of_one_site_may_be_alike(people, tmp_path):
    report = analyse(snapshots.make(tmp_path / "s.zip", people, clustered=True))
    # coxph(Surv(t, e) ~ a, d, cluster = site), with the data of the test before
    ratio = line(report, "hazard ratio of return", "A vs B")
    assert (ratio.estimate, ratio.low, ratio.high) == pytest.approx(
        (6.20124838383, 1.21720373629, 31.5932989453), rel=1e-8
    )
    _, page, _ = report.write(tmp_path / "out")
    assert "people of one site being alike" in page.read_text()


def test_open_arms_are_compared_with_the_reference(people, tmp_path):
    people = {
        name: ({"A": "usual", "B": "team", "": ""}[arm], weeks) for name, (arm, weeks) in people.items()
    }
    path = snapshots.make(tmp_path / "s.zip", people, masked=False, reference_arm="usual")
    report = analyse(path)
    assert line(report, "risk difference", "team vs usual").estimate == pytest.approx(1 / 3 - 3 / 4)
    assert {one["group"] for one in report.as_json()["curves"]} == {"team", "usual"}


def test_while_masked_the_data_room_gets_all_arms_together_only(people, tmp_path):
    shown = analyse(snapshots.make(tmp_path / "s.zip", people)).as_json()
    assert {one["group"] for one in shown["lines"]} == {""}
    assert {one["group"] for one in shown["curves"]} == {""}


def test_running_again_gives_the_same_bytes(people, tmp_path):
    path = snapshots.make(tmp_path / "s.zip", people)
    first = [file.read_bytes() for file in analyse(path).write(tmp_path / "first")]
    second = [file.read_bytes() for file in analyse(path).write(tmp_path / "second")]
    assert first == second
    assert len(first) == 3
    assert str(analyse(path)) == str(analyse(path))


def test_the_page_and_the_plot_name_the_snapshot_and_the_arms(people, tmp_path):
    report = analyse(snapshots.make(tmp_path / "s.zip", people))
    table, page, plot = report.write(tmp_path / "out")
    assert table.read_text().startswith("outcome,measure,group,estimate,low,high,p,n,of\n")
    assert report.sha256 in page.read_text()
    assert "Arms are masked" in page.read_text()
    assert "<svg" in plot.read_text()
    assert "<date>" not in plot.read_text()


@pytest.mark.parametrize(
    "people", [{}, {"A1": ("A", "")}, {"A1": ("A", "0 0 0 0 ~ ~ ~ ~"), "B1": ("B", "5 ~ ~ ~")}]
)
def test_a_trial_that_has_hardly_begun_is_analysed_too(people, tmp_path):
    report = analyse(snapshots.make(tmp_path / "s.zip", people))
    report.write(tmp_path / "out")
    assert json.dumps(report.as_json())
    assert "cannot be estimated" in str(report) or len(people) == 1


def rewritten(path, change):
    """A copy of the zip whose entries went through `change(name, bytes) -> bytes | None`."""
    copy = path.with_name("changed.zip")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as new:
        for name in old.namelist():
            if (data := change(name, old.read(name))) is not None:
                new.writestr(name, data)
    return copy


def refused(path) -> str:
    with pytest.raises(DamagedSnapshot) as error, open_snapshot(path):
        pass
    return str(error.value)


def test_what_is_not_the_snapshot_that_was_made_is_refused_with_a_sentence(people, tmp_path):
    path = snapshots.make(tmp_path / "s.zip", people)
    tampered = rewritten(path, lambda name, data: data.replace(b"5", b"0") if name == "weekly.csv" else data)
    assert "weekly.csv" in refused(tampered)
    assert "its SHA-256 differs" in refused(tampered)
    assert "lacks weekly.csv" in refused(
        rewritten(path, lambda name, data: None if name == "weekly.csv" else data)
    )
    assert "no manifest.json" in refused(
        rewritten(path, lambda name, data: None if name == "manifest.json" else data)
    )
    assert "cannot be read" in refused(
        rewritten(path, lambda name, data: b"{" if name == "manifest.json" else data)
    )
    assert "format" in refused(rewritten(path, lambda name, data: b"{}" if name == "manifest.json" else data))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("extra.csv", "")
    assert "holds extra.csv" in refused(path)
    path.write_bytes(path.read_bytes()[:200])
    assert "not a whole zip" in refused(path)
    assert "no file" in refused(tmp_path / "nothing.zip")
    assert "folder" in refused(tmp_path)
