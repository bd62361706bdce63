"""Coordinators record what happened on paper while the system was down."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from randomization.envelopes import link_to
from randomization.models import Allocation, Deviation, Envelope, EnvelopeReturn, EnvelopeUse
from randomization.selectors import checklist, is_allocated
from randomization.services import allocate, print_envelopes, reserve_envelopes, return_envelope
from tests.factories import NOW, make_screened_participant, make_user, make_verified_participant
from tests.office.conftest import PASSWORD
from trial.people.models import Status
from trial.people.services import add_status
from trial.protocol.models import TrialStatus
from trial.protocol.services import set_trial_status

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(days=1)
OPENED = "2026-03-02T13:30"
"""In Oslo: two and a half hours after the envelopes were printed."""


@pytest.fixture(autouse=True)
def envelopes(trial, north, time_machine):
    """Two of each of North's groups, and one of South's."""
    by = make_user("statistician", trial=trial)
    for site, key, count in (
        (north, "site=north;complaint=body", 2),
        (north, "site=north;complaint=mind", 2),
        (trial.sites.get(key="south"), "site=south;complaint=body", 1),
    ):
        made = reserve_envelopes(site=site, counts={key: count}, by=by, now=NOW)
        print_envelopes(site=site, numbers=[one.number for one in made], by=by, now=NOW)
    time_machine.move_to(LATER)


def use(participant):
    return reverse("admin:people_participant_envelope", args=[participant.pk])


def sent(number, **more):
    return {"number": str(number), "opened_at": OPENED, "password": PASSWORD, **more}


def test_coordinator_records_an_opened_envelope_and_compares_the_group(office, trial, north):
    participant = make_verified_participant(trial, north)
    story = office.get(reverse("admin:people_participant_change", args=[participant.pk]))
    assert use(participant) in story.content.decode()
    page = office.post(use(participant), sent(1), follow=True)
    assert page.context["arm"].key in {"talk", "usual"}
    assert "Compare the paper" in page.content.decode()
    allocation = Allocation.objects.get(participant=participant)
    assert allocation.envelope.number == 1
    again = office.post(use(participant), sent(2))
    assert again["Location"].endswith("/allocation/")
    assert Allocation.objects.count() == 1


def test_the_checklist_leaves_out_what_may_have_changed_since_the_opening(office, trial, north):
    """The trial is closed and the participant has withdrawn since; the record is made all the same."""
    participant, screened = make_verified_participant(trial, north), make_screened_participant(trial, north)
    set_trial_status(trial=trial, name=TrialStatus.Name.CLOSED, by="system:test", now=LATER)
    add_status(
        participant=participant, name=Status.WITHDRAWN_DATA, by=make_user(), now=LATER, reason="Asked to."
    )

    assert [one.key for one in checklist(participant) if not one.met] == ["present", "recruiting"]
    shown = office.get(use(participant)).context["conditions"]
    assert [one.key for one in shown] == ["consent", "baseline", "fits", "verified", "first"]
    assert all(one.met for one in shown)
    missing = [one.key for one in office.get(use(screened)).context["conditions"] if not one.met]
    assert missing == ["verified"]

    office.post(use(participant), sent(1))
    assert is_allocated(participant)


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": "wrong"},
        {"number": ""},
        {"number": "5"},
        {"opened_at": ""},
        {"opened_at": "2026-03-04T10:00"},
    ],
)
def test_a_form_that_cannot_be_right_records_nothing(office, trial, north, wrong):
    participant = make_verified_participant(trial, north)
    assert office.post(use(participant), sent(1) | wrong).status_code == 200
    assert not is_allocated(participant)


def test_the_hour_that_comes_twice_is_read_as_its_first(office, coordinator, trial, north, time_machine):
    time_machine.move_to(datetime(2026, 10, 25, 6, 0, tzinfo=UTC))
    office.force_login(coordinator)
    participant = make_verified_participant(trial, north)
    office.post(use(participant), sent(1, opened_at="2026-10-25T02:30"))
    opened = EnvelopeUse.objects.get(allocation__participant=participant).opened_at
    assert opened == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_wrong_group_or_order_is_asked_about_once_more_and_recorded_with_a_deviation(office, trial, north):
    participant = make_verified_participant(trial, north)
    page = office.post(use(participant), sent(4)).content.decode()
    assert "the participant belongs to “North, Body”" in page
    assert "Envelope 4 was opened before number 3." in page
    assert not is_allocated(participant)

    office.post(use(participant), sent(4, sure="on"))

    assert is_allocated(participant)
    kinds = Deviation.objects.filter(participant=participant).values_list("kind", flat=True)
    assert set(kinds) == {"wrong_stratum", "other"}


def test_coordinator_records_an_envelope_that_is_not_used(office):
    envelope = Envelope.objects.get(number=1, site__key="north")
    address = reverse("admin:people_participant_envelope_return", args=[envelope.pk])
    assert "Write what happened" in office.post(address, {"kind": "lost"}).content.decode()
    page = office.post(address, {"kind": "lost", "explanation": "Water in the drawer."}, follow=True)
    assert "Water in the drawer." in page.content.decode()
    assert EnvelopeReturn.objects.get().envelope == envelope


def test_number_and_time_are_asked_for_in_our_words(office, trial, north):
    participant = make_verified_participant(trial, north)
    page = office.post(use(participant), sent(99, opened_at="yesterday")).content.decode()
    assert "Choose one of the envelopes that are out." in page
    assert "Write a date and a time." in page


def test_every_moment_on_the_page_is_written_in_one_way(office, trial, north):
    office.post(use(make_verified_participant(trial, north)), sent(1))
    shown = office.get(reverse("admin:people_participant_envelopes")).content.decode()
    assert "opened 2 March 2026, 13:30, recorded 3 March 2026, 10:00 by" in shown
    assert "printed 2 March 2026, 10:00" in shown
    assert not re.search(r"\d\d/\d\d/\d{4}", shown)


def test_an_explanation_that_names_an_arm_is_asked_about_once(office):
    envelope = Envelope.objects.get(number=1, site__key="north")
    address = reverse("admin:people_participant_envelope_return", args=[envelope.pk])
    form = {"kind": "lost", "explanation": "It was open, with talk in it."}
    assert "The text names a group." in office.post(address, form).content.decode()
    assert not EnvelopeReturn.objects.exists()
    office.post(address, form | {"as_it_is": "on"})
    assert EnvelopeReturn.objects.get().explanation == form["explanation"]


def test_coordinator_sees_and_returns_envelopes_of_the_own_site_only(office, trial):
    page = office.get(reverse("admin:people_participant_envelopes")).content.decode()
    assert "North, Mind" in page
    assert "South" not in page
    elsewhere = Envelope.objects.get(site__key="south")
    address = reverse("admin:people_participant_envelope_return", args=[elsewhere.pk])
    assert office.post(address, {"kind": "lost", "explanation": "x"}).status_code == 404
    assert not EnvelopeReturn.objects.exists()


def test_code_on_an_envelope_leads_to_its_row_among_those_of_the_site(office, settings):
    envelope = Envelope.objects.get(number=2, site__key="north")
    address, row = link_to(envelope).removeprefix(settings.PUBLIC_BASE_URL).split("#")
    assert f'<tr id="{row}">' in office.get(address).content.decode()
    assert row == f"envelope-{envelope.pk}"
    elsewhere = link_to(Envelope.objects.get(site__key="south")).partition("#")[2]
    assert elsewhere not in office.get(address).content.decode()


def test_monitor_counts_envelopes_and_records_nothing(browser_of, trial, north):
    monitor = browser_of(make_user("monitor", trial=trial, password=PASSWORD))
    page = monitor.get(reverse("admin:people_participant_envelopes")).content.decode()
    assert "South, Body" in page
    assert "Not used" not in page
    participant = make_verified_participant(trial, north)
    assert monitor.post(use(participant), sent(1)).status_code == 404


def test_a_coordinator_of_another_site_finds_no_such_page(browser_of, trial, north):
    south = trial.sites.get(key="south")
    other = browser_of(make_user("coordinator", site=south, trial=trial, password=PASSWORD))
    participant = make_verified_participant(trial, north)
    assert other.post(use(participant), sent(1)).status_code == 404
    assert not is_allocated(participant)


def test_who_was_randomized_online_is_shown_that(office, trial, north, coordinator):
    participant = make_verified_participant(trial, north)
    allocate(participant=participant, by=coordinator, now=LATER)
    assert office.post(use(participant), sent(1))["Location"].endswith("/allocation/")
    assert not Allocation.objects.exclude(envelope=None).exists()


def test_trials_page_says_how_many_are_out_when_it_is_closed(browser_of, trial):
    manager = browser_of(make_user("trial_manager", trial=trial))
    set_trial_status(trial=trial, name=TrialStatus.Name.CLOSED, by="system:test", now=LATER)
    page = manager.get(reverse("admin:protocol_trial_change", args=[trial.pk])).content.decode()
    assert "5 envelopes are out" in page


def test_who_locks_the_data_is_told_first_how_many_are_out_at_each_site(browser_of, trial):
    south = Envelope.objects.get(site__key="south")
    return_envelope(envelope=south, kind="unopened", explanation="Shredded.", by=make_user(), now=LATER)
    set_trial_status(trial=trial, name=TrialStatus.Name.CLOSED, by="system:test", now=LATER)
    manager = browser_of(make_user("trial_manager", trial=trial))
    address = reverse("admin:protocol_trial_status", args=[trial.pk])
    locking = {"name": "locked", "reason": "The end."}
    page = manager.post(address, locking).content.decode()
    assert "Envelopes are still out" in page
    assert "<li>North: 4</li>" in page
    assert "South" not in page

    for envelope in Envelope.objects.filter(site__key="north"):
        return_envelope(
            envelope=envelope, kind="unopened", explanation="Shredded.", by=make_user(), now=LATER
        )
    assert "Envelopes are still out" not in manager.post(address, locking).content.decode()
