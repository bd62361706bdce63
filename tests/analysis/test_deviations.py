"""Deviations leave as a kind and a day; the analysis stays as randomized."""

import zipfile

from randomization.services import record_deviation
from tests.analysis.conftest import LATER
from tests.analysis.test_export import arms_of, manifest_of, rows_of, snapshot_of
from tests.factories import make_user


def test_a_deviation_has_its_row_without_its_description_and_the_arm_stays(trial, participants):
    before = manifest_of(snapshot_of(trial))["files"]["weekly.csv"]["sha256"]
    coordinator = make_user("coordinator", trial=trial)
    record_deviation(
        participant=participants[0], kind="ineligible", description="Never leaves.", by=coordinator, now=LATER
    )
    snapshot = snapshot_of(trial)
    (row,) = rows_of(snapshot, "deviations.csv")
    assert row["participant"] == participants[0].study_id
    assert row["deviation"] == "ineligible"
    assert row["participant"] in arms_of(snapshot)
    assert manifest_of(snapshot)["files"]["weekly.csv"]["sha256"] == before
    with zipfile.ZipFile(snapshot.path) as archive:
        assert not [name for name in archive.namelist() if b"Never leaves" in archive.read(name)]
