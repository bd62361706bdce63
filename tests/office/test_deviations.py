"""The pages of protocol deviations, and the certificate of a randomization."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from analysis.export.deviations import KINDS
from randomization.certificate import certificate
from randomization.models import Stratum
from randomization.selectors import deviation_kinds, deviations_of, sealed_list
from randomization.services import (
    allocate,
    extend_lists,
    print_envelopes,
    record_deviation,
    reserve_envelopes,
    use_envelope,
)
from tests import pdfs
from tests.factories import NOW, amend, identity_of, make_user, make_verified_participant
from trial.audit.models import ReadEvent
from trial.people.models import Status
from trial.people.services import add_status

pytestmark = pytest.mark.django_db

BODY = "site=north;complaint=body"


@pytest.fixture
def participant(trial, north, coordinator):
    participant = make_verified_participant(trial, north, by=coordinator)
    allocate(participant=participant, by=coordinator, now=NOW)
    return participant


def address(participant, act="change"):
    return reverse(f"admin:people_participant_{act}", args=[participant.pk])


def text_of(response):
    pdf = response if isinstance(response, bytes) else b"".join(response.streaming_content)
    return pdfs.text_of(pdf, "-layout")


def test_a_coordinator_records_a_deviation_that_a_monitor_reads(office, browser_of, trial, participant):
    form = {"kind": "ineligible", "description": "Had returned to work already."}
    page = office.post(address(participant, "deviation"), form, follow=True).content.decode()
    assert "Not eligible after all" in page
    assert "Had returned to work already." in page
    monitor = browser_of(make_user("monitor", trial=trial))
    story = monitor.get(address(participant)).content.decode()
    assert "Had returned to work already." in story
    assert address(participant, "deviation") not in story
    every = monitor.get(reverse("admin:randomization_deviation_changelist")).content.decode()
    assert participant.study_id in every
    assert "Had returned" not in every


def test_what_is_missing_is_asked_for_and_what_was_typed_stays(office, participant):
    page = office.post(address(participant, "deviation"), {"description": "Typed"}).content.decode()
    assert "Choose what happened." in page
    assert "Typed" in page


@pytest.mark.parametrize("name", ["Samtale", "TALK", "usual", "vanlig\n oppfølging"])
def test_a_description_that_names_an_arm_is_asked_about_once(office, participant, name):
    form = {"kind": "wrong_stratum", "description": f"Feil stratum ({name})."}
    page = office.post(address(participant, "deviation"), form).content.decode()
    assert "The text names a group." in page
    assert "Feil stratum (" in page
    assert not deviations_of(participant)
    assert 'type="checkbox" name="as_it_is"' in page
    office.post(address(participant, "deviation"), form | {"as_it_is": "on"})
    assert len(deviations_of(participant)) == 1


def test_a_part_of_a_word_or_of_a_name_names_no_arm(office, participant):
    words = "Samtalen var unusual; vanlig brev."
    office.post(address(participant, "deviation"), {"kind": "other", "description": words})
    assert [one.description for one in deviations_of(participant)] == [words]


def test_a_name_from_an_earlier_version_counts_too(office, trial, participant):
    amend(trial, {'nb = "Samtale", en = "Talk"': 'nb = "Møte", en = "Meeting"'})
    for name in ("Talk", "Meeting"):
        form = {"kind": "other", "description": f"She got {name}."}
        assert "names a group" in office.post(address(participant, "deviation"), form).content.decode()


def test_nobody_is_offered_a_deviation_before_randomization(office, trial, north, coordinator):
    participant = make_verified_participant(trial, north, by=coordinator)
    assert address(participant, "deviation") not in office.get(address(participant)).content.decode()
    assert office.get(address(participant, "deviation")).status_code == 302


def test_the_description_is_closed_with_the_answers_when_the_data_are_withdrawn(
    browser_of, trial, participant, coordinator
):
    record_deviation(participant=participant, kind="other", description="Words.", by=coordinator, now=NOW)
    add_status(participant=participant, name=Status.WITHDRAWN_DATA, by=None, now=NOW)
    page = browser_of(make_user("monitor", trial=trial)).get(address(participant)).content.decode()
    assert "Something else" in page
    assert "Words." not in page


def test_the_export_knows_every_kind():
    assert KINDS.keys() == dict(deviation_kinds()).keys()


def test_the_certificate_tells_all_but_name_and_arm(office, trial, participant, coordinator):
    text = text_of(office.get(address(participant, "certificate")))
    expected = (
        "Tiny trial",
        "NCT00000000",
        participant.study_id,
        "North",
        "10:00 (Europe/Oslo)",
        coordinator.name,
    )
    assert [one for one in expected if one not in text] == []
    assert sealed_list(trial).commitment in re.sub(r"\s", "", text)
    assert not re.search("Talk|Usual", text)
    assert identity_of(participant).name not in text
    assert not ReadEvent.objects.filter(what="arm").exists()


def test_the_arm_is_on_the_certificate_for_who_may_know_and_says_why(office, participant):
    asked = office.post(address(participant, "certificate"), {"reason": ""})
    assert "Say why you need to know the group." in asked.content.decode()
    text = text_of(office.post(address(participant, "certificate"), {"reason": "For the file"}))
    assert re.search("Talk|Usual follow-up", text)
    assert ReadEvent.objects.get(what="arm").reason == "For the file"


def test_a_monitor_gets_the_certificate_without_the_arm(browser_of, trial, participant):
    monitor = browser_of(make_user("monitor", trial=trial))
    assert monitor.get(address(participant, "certificate")).status_code == 200
    page = monitor.post(address(participant, "certificate"), {"reason": "Curious"})
    assert page["Content-Type"].startswith("text/html")
    assert not ReadEvent.objects.filter(what="arm").exists()


def test_a_place_of_a_longer_list_is_certified_by_that_lists_commitment(
    office, trial, north, participant, coordinator
):
    by, length = make_user("statistician", trial=trial), Stratum.objects.get(key=BODY).places
    second, third = (
        extend_lists(trial=trial, by=by, now=NOW, places_per_stratum=length + more) for more in (1, 9)
    )
    reserve_envelopes(site=north, counts={BODY: length - 1}, by=by, now=NOW)
    reached = {participant: sealed_list(trial)}
    for extension in (second, third):
        latest = make_verified_participant(trial, north, by=coordinator)
        position = allocate(participant=latest, by=coordinator, now=NOW).place.position
        assert position <= extension.sizes[BODY]
        if extension == second and position < extension.sizes[BODY]:
            reserve_envelopes(site=north, counts={BODY: extension.sizes[BODY] - position}, by=by, now=NOW)
        reached[latest] = extension
    for one, committed in reached.items():
        text = re.sub(r"\s", "", text_of(office.get(address(one, "certificate"))))
        told = {each.commitment for each in reached.values() if each.commitment in text}
        assert told == {committed.commitment}


def test_an_envelopes_certificate_says_when_it_was_opened_and_when_recorded(
    office, trial, north, coordinator
):
    by = make_user("statistician", trial=trial)
    (envelope,) = reserve_envelopes(site=north, counts={BODY: 1}, by=by, now=NOW)
    print_envelopes(site=north, numbers=[1], by=by, now=NOW)
    participant = make_verified_participant(trial, north, by=coordinator)
    opened, recorded = NOW + timedelta(hours=1), NOW + timedelta(days=1)
    use_envelope(envelope=envelope, participant=participant, opened_at=opened, by=coordinator, now=recorded)
    text = re.sub(r"\s+", " ", text_of(office.get(address(participant, "certificate"))))
    assert "The sealed envelope 1 of the site was opened for this participant." in text
    assert "next place" not in text
    assert re.search(r"Opened 2 March 2026.{0,5}11:00 \(Europe/Oslo\)", text), text
    assert re.search(r"Recorded 3 March 2026.{0,5}10:00 \(Europe/Oslo\)", text), text
    assert f"Recorded by {coordinator.name}" in text


def test_the_certificate_is_the_same_file_each_time(participant):
    assert certificate(participant=participant, language="en") == certificate(
        participant=participant, language="en"
    )
