import re

import pytest
from django.urls import reverse

from tests.browsers import PHONE, assert_good, photograph
from tests.factories import NOW, TINY, make_trial, make_user
from trial.audit.models import AuditEvent
from trial.protocol.models import Activation, TrialStatus
from trial.protocol.reading import Sources, read_sources
from trial.protocol.selectors import active_protocol, status_of
from trial.protocol.services import load_protocol


@pytest.fixture
def trial(db):
    return make_trial()


@pytest.fixture
def manager(trial):
    return make_user("trial_manager", trial=trial)


@pytest.fixture
def amended(trial):
    sources = read_sources(TINY)
    text = sources.protocol.replace('version = "1.0"', 'version = "1.1"').replace(
        "target = 400", "target = 9"
    )
    return load_protocol(sources=Sources(text, sources.instruments), reason="One more", now=NOW)


def page(trial):
    return reverse("admin:protocol_trial_change", args=[trial.pk])


def record(browser, trial, name, **more):
    return browser.post(
        reverse("admin:protocol_trial_status", args=[trial.pk]),
        {"name": name, "reason": "Enough", **more},
        follow=True,
    )


def test_the_page_tells_what_the_trial_does_and_under_which_version(browser_of, trial, manager):
    shown = browser_of(manager).get(page(trial)).content.decode()
    assert "Tiny trial" in shown
    assert "in force" in shown
    assert "Open, close or lock" in shown


def test_every_moment_on_the_page_is_written_in_one_way(browser_of, trial, manager, amended):
    shown = browser_of(manager).get(page(trial)).content.decode()
    assert "2 March 2026, 10:00" in shown
    assert not re.search(r"\d\d/\d\d/\d{4}", shown)


def test_a_manager_closes_the_trial_and_the_page_remembers_who_and_why(browser_of, trial, manager):
    shown = record(browser_of(manager), trial, "closed").content.decode()
    assert status_of(trial) == "closed"
    assert TrialStatus.objects.latest("id").by == f"user:{manager.pk}"
    assert manager.name in shown
    assert "Enough" in shown


def test_a_step_sent_twice_is_one_step_and_no_error(browser_of, trial, manager):
    browser = browser_of(manager)
    for _click in range(2):
        assert "Select a valid choice" not in record(browser, trial, "closed").content.decode()
    assert TrialStatus.objects.filter(name="closed").count() == 1


def test_locking_is_asked_about_once_more(browser_of, trial, manager):
    browser = browser_of(manager)
    record(browser, trial, "closed")
    assert "Lock the data?" in record(browser, trial, "locked").content.decode()
    assert status_of(trial) == "closed"
    record(browser, trial, "locked", sure="yes")
    assert status_of(trial) == "locked"
    assert "Open, close or lock" not in browser.get(page(trial)).content.decode()


def test_a_step_without_a_reason_or_that_does_not_exist_is_explained(browser_of, trial, manager):
    browser = browser_of(manager)
    assert "Write why." in record(browser, trial, "closed", reason="").content.decode()
    record(browser, trial, "locked", sure="yes")
    assert status_of(trial) == "recruiting"


def test_a_version_shows_what_differs_and_is_put_in_force(browser_of, trial, manager, amended):
    browser = browser_of(manager)
    address = reverse("admin:protocol_trial_version", args=[trial.pk, amended.pk])
    shown = browser.get(address).content.decode()
    assert "<code>target</code>" in shown
    assert "Put in force" in shown
    browser.post(reverse("admin:protocol_trial_activate", args=[trial.pk, amended.pk]))
    assert active_protocol(trial).target == 9
    assert Activation.objects.latest("id").by == f"user:{manager.pk}"
    assert "Put in force" not in browser.get(address).content.decode()
    again = browser.post(reverse("admin:protocol_trial_activate", args=[trial.pk, amended.pk]), follow=True)
    assert "was activated before" in again.content.decode()


@pytest.mark.parametrize("role", ["coordinator", "trial_manager", "monitor", "system_administrator"])
def test_nobody_in_the_office_reads_block_sizes(browser_of, trial, role):
    sources = read_sources(TINY)
    text = sources.protocol.replace('version = "1.0"', 'version = "1.1"')
    text = text.replace("block_sizes = [4, 6]", "block_sizes = [4, 8]  # blocks of four or eight")
    amended = load_protocol(sources=Sources(text, sources.instruments), reason="Longer blocks", now=NOW)
    browser = browser_of(make_user(role, trial=None if role == "system_administrator" else trial))
    shown = browser.get(reverse("admin:protocol_trial_version", args=[trial.pk, amended.pk]))
    assert "Differs. Only the statistician sees how." in shown.content.decode()
    for telling in ("block_sizes", "4, 6", "4, 8", "four or eight"):
        assert telling not in shown.content.decode()
    event = AuditEvent.objects.get(table_name="protocol_protocolversion", row_id=str(amended.pk))
    assert event.new["source"] == "[masked]"
    assert event.new["sha256"] == amended.sha256


def test_a_coordinator_reads_and_may_not_decide(browser_of, trial, amended):
    browser = browser_of(make_user("coordinator", trial=trial))
    assert "Open, close or lock" not in browser.get(page(trial)).content.decode()
    assert record(browser, trial, "closed").status_code == 404
    activate = reverse("admin:protocol_trial_activate", args=[trial.pk, amended.pk])
    assert browser.post(activate).status_code == 404
    assert status_of(trial) == "recruiting"
    assert active_protocol(trial).target == 400


def test_a_manager_of_another_trial_sees_nothing(browser_of, trial):
    other = make_trial("other")
    browser = browser_of(make_user("trial_manager", trial=other))
    assert browser.get(page(trial)).status_code == 404
    assert record(browser, trial, "closed").status_code == 404
    assert "tiny" not in browser.get(reverse("admin:protocol_trial_changelist")).content.decode()


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_both_pages_are_good_on_a_phone(open_as):
    trial = make_trial()
    sources = read_sources(TINY)
    text = sources.protocol.replace('version = "1.0"', 'version = "1.1"').replace(
        "target = 400", "target = 9"
    )
    version = load_protocol(sources=Sources(text, sources.instruments), reason="One more", now=NOW)
    browser = open_as(make_user("trial_manager", trial=trial), viewport=PHONE)
    browser.goto(page(trial))
    assert_good(browser)
    photograph(browser, "trial")
    browser.goto(reverse("admin:protocol_trial_version", args=[trial.pk, version.pk]))
    browser.locator("main summary").first.click()
    assert_good(browser)
    photograph(browser, "protocol-version")
