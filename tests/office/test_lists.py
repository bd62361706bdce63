"""The dashboard and the list of participants."""

from datetime import timedelta

import pytest
from django.urls import reverse

from randomization.services import allocate
from tests.factories import (
    NOW,
    make_contact,
    make_participant,
    make_screened_participant,
    make_trial,
    make_user,
    make_verified_participant,
)
from trial.audit.models import ReadEvent
from trial.office.worklists import to_randomize, to_verify, waiting_for_baseline
from trial.people.models import Participant, Status
from trial.people.services import add_status, grant

pytestmark = pytest.mark.django_db

LIST = reverse("admin:people_participant_changelist")


@pytest.fixture
def people(trial, north, coordinator):
    """One participant at each stage."""
    randomized = make_verified_participant(trial, north, by=coordinator)
    allocate(participant=randomized, by=coordinator, now=NOW)
    withdrawn = make_screened_participant(trial, north)
    add_status(participant=withdrawn, name=Status.WITHDRAWN_CONTACT, by=None, now=NOW)
    return {
        "baseline": make_participant(trial, north),
        "verify": make_screened_participant(trial, north),
        "randomize": make_verified_participant(trial, north, by=coordinator),
        "randomized": randomized,
        "withdrawn": withdrawn,
    }


def test_each_participant_waits_in_one_list_at_most(people):
    everybody = Participant.objects.all()
    assert list(waiting_for_baseline(everybody)) == [people["baseline"]]
    assert list(to_verify(everybody)) == [people["verify"]]
    assert list(to_randomize(everybody)) == [people["randomize"]]


@pytest.mark.parametrize("key", ["baseline", "verify", "randomize"])
def test_worklist_shows_who_waits_and_nobody_else(office, people, key):
    page = office.get(LIST, {"worklist": key}).content.decode()
    assert people[key].study_id in page
    assert not any(other.study_id in page for name, other in people.items() if name != key)


def test_who_has_waited_longest_is_first_on_a_worklist_and_last_on_the_whole_list(office, trial, north):
    first, second = (make_screened_participant(trial, north, now=NOW + timedelta(days=day)) for day in (0, 1))
    assert list(office.get(LIST, {"worklist": "verify"}).context["cl"].result_list) == [first, second]
    assert list(office.get(LIST).context["cl"].result_list) == [second, first]


def test_dashboard_counts_what_waits(office, people):
    page = office.get(reverse("admin:index"))
    assert page.status_code == 200
    counts = {str(card.title): card.count for card in page.context["cards"]}
    assert counts["To verify"] == counts["To randomize"] == counts["Waiting for baseline"] == 1
    assert page.context["trials"][0].randomized == 1


def test_study_id_is_found_however_it_was_typed(office, people):
    study_id = people["verify"].study_id
    spoken = study_id.replace("-", " ").lower()
    page = office.get(LIST, {"q": spoken}).content.decode()
    assert study_id in page
    assert people["baseline"].study_id not in page


def test_participant_is_found_by_phone_and_the_read_log_knows(office, trial, north):
    contact = make_contact(phone="+47 680500 42")
    participant = make_participant(trial, north, contact=contact)
    page = office.post(reverse("admin:people_participant_find"), {"phone": "68 05 00 42"})
    assert page.url == reverse("admin:people_participant_change", args=[participant.pk])
    assert ReadEvent.objects.get(study_id=participant.study_id).reason == "found by phone"


def test_participant_of_another_site_is_not_found_by_phone(office, trial):
    make_participant(trial, trial.sites.get(key="south"), contact=make_contact(phone="+47 68050043"))
    page = office.post(reverse("admin:people_participant_find"), {"phone": "68050043"})
    assert "No participant whom you may see" in page.content.decode()
    kept = ReadEvent.objects.get()
    assert (kept.study_id, kept.reason) == ("", "searched by phone, nobody found")


def test_search_without_a_find_is_shown_to_who_reads_the_log_of_the_trial_and_to_no_other(
    office, browser_of, trial
):
    office.post(reverse("admin:people_participant_find"), {"phone": "68050043"})
    log = reverse("admin:audit_readevent_changelist")
    assert browser_of(make_user("monitor", trial=trial)).get(log).context["cl"].queryset.count() == 1
    stranger = make_user("monitor", trial=make_trial("other"))
    assert browser_of(stranger).get(log).context["cl"].queryset.count() == 0


@pytest.mark.parametrize("typed", ["123", "anna"])
def test_what_is_no_phone_number_is_said_to_be_none(office, trial, typed):
    page = office.post(reverse("admin:people_participant_find"), {"phone": typed})
    assert page.context["form"].errors["phone"]
    assert typed in page.content.decode()
    assert "No participant whom you may see" not in page.content.decode()
    assert not ReadEvent.objects.exists()


def test_phone_is_searched_by_post_only_and_by_those_who_may(office, browser_of, trial):
    assert office.get(reverse("admin:people_participant_find"), {"phone": "68050042"}).status_code == 405
    monitor = browser_of(make_user("monitor", trial=trial))
    assert monitor.post(reverse("admin:people_participant_find"), {"phone": "68050042"}).status_code == 404


def test_coordinator_sees_own_site_only(browser_of, trial, people):
    elsewhere = make_user("coordinator", trial=trial, site=trial.sites.get(key="south"))
    page = browser_of(elsewhere).get(LIST).content.decode()
    assert not any(one.study_id in page for one in people.values())


def test_list_of_participants_asks_the_database_no_more_for_more(
    office, trial, north, django_assert_max_num_queries
):
    for _ in range(12):
        make_participant(trial, north)
    with django_assert_max_num_queries(28):
        office.get(LIST)


def test_anonymous_visitor_is_led_to_log_in(client):
    page = client.get(reverse("admin:index"), follow=True)
    assert page.redirect_chain[-1][0].startswith(reverse("account_login"))


def test_nothing_can_be_deleted_or_added_here(office, people):
    assert office.get(reverse("admin:people_participant_add")).status_code == 403
    assert (
        office.post(reverse("admin:people_participant_delete", args=[people["verify"].pk])).status_code == 403
    )


@pytest.mark.parametrize("name", ["index", "people_participant_changelist", "people_site_changelist"])
def test_pages_have_nothing_of_djangos_own_and_nothing_inline(office, people, name):
    """What is inline, the content security policy refuses."""
    page = office.get(reverse(f"admin:{name}")).content.decode()
    unwanted = ("<script>", "<style", " style=", "onclick=", "admin/css/", "admin/js/")
    assert [found for found in unwanted if found in page] == []


def test_filters_offer_the_trials_and_sites_where_one_works_and_tell_of_no_others(
    office, trial, north, coordinator
):
    one, two = make_trial("one"), make_trial("two")
    grant(user=coordinator, role="coordinator", trial=one, site=None, by=None, now=NOW)
    filters = {one.title: dict(one.lookup_choices) for one in office.get(LIST).context["cl"].filter_specs}
    assert set(filters["trial"]) == {trial.pk, one.pk}
    assert set(filters["site"]) == {north.pk, *one.sites.values_list("pk", flat=True)}
    assert not any(site in filters["site"] for site in two.sites.values_list("pk", flat=True))


@pytest.mark.parametrize("address", ["?q=%00", "?site__id__exact=%00", "?worklist=a%00", "%00/change/"])
def test_an_address_with_a_nul_is_refused(office, trial, address):
    assert office.get(LIST + address).status_code == 400
    assert office.get(LIST + address.replace("%00", "%2500")).status_code in (200, 302, 404)
