"""The data room as a researcher meets it."""

import zipfile

import pytest
from playwright.sync_api import expect

from analysis.models import Download
from analysis.services import analyse_snapshot, make_snapshot
from tests.analysis.conftest import LATER
from tests.browsers import DESK, PHONE, assert_good, photograph

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(
    ("viewport", "scripts"),
    [(DESK, True), (PHONE, True), (PHONE, False)],
    ids=["desk", "phone", "no scripts"],
)
def test_a_researcher_looks_around_and_fetches_a_snapshot(
    trial, participants, researcher, open_as, time_machine, viewport, scripts
):
    time_machine.move_to(LATER)
    snapshot = make_snapshot(trial=trial, by="system:test", now=LATER)
    analyse_snapshot(snapshot=snapshot)
    page = open_as(researcher, viewport=viewport, java_script_enabled=scripts)
    page.goto("/data/tiny/")
    expect(page.get_by_role("heading", name="Data room")).to_be_visible()
    expect(page.get_by_role("img", name="How many had consented")).to_be_visible()
    page.get_by_text("The numbers by week").click()
    expect(page.get_by_role("region", name="Answers by week")).to_be_visible()
    if scripts:
        assert_good(page)
        photograph(page, f"data-room-{viewport['width']}")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert "participants.csv" in archive.namelist()
    assert Download.objects.get().by == researcher
