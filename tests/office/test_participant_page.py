"""What coordinators do on a participant's page, and what others may not."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime

from followup.services import make_plans
from randomization.models import Allocation
from randomization.selectors import arms_for_analysis, is_allocated
from randomization.services import allocate
from screening.selectors import verification_of
from tests.factories import (
    NOW,
    make_message,
    make_screened_participant,
    make_trial,
    make_user,
    make_verified_participant,
    seal,
)
from tests.office.conftest import PASSWORD
from tests.randomization.test_allocation import PAIRS
from tests.randomization.test_minimization import MINIMIZED
from trial.accounts.permissions import Permission
from trial.accounts.roles import Coordinator
from trial.audit.models import ReadEvent
from trial.office import views
from trial.people.models import ParticipantStatus, Status
from trial.people.services import add_status
from trial.questionnaires.services import save_answers, submit

pytestmark = pytest.mark.django_db

ALREADY = "This participant was already randomized"


def address(participant, act="change"):
    return reverse(f"admin:people_participant_{act}", args=[participant.pk])


def says_no_arm(response):
    text = response.content.decode()
    return not any(word in text for word in ("Usual follow-up", "Follow-up as before", "A talk with a team"))


def test_coordinator_reads_the_story_and_is_asked_to_verify(office, trial, north):
    participant = make_screened_participant(trial, north)
    page = office.get(address(participant))
    assert page.status_code == 200
    assert participant.study_id in page.content.decode()
    assert "Does this participant fit?" in page.content.decode()
    assert "no-store" in page["Cache-Control"]


def test_verified_decision_is_recorded_and_a_missing_one_is_asked_for(office, trial, north):
    participant = make_screened_participant(trial, north)
    page = office.post(address(participant, "verify"), {"reason": "spoke with her"})
    assert "spoke with her" in page.content.decode()
    assert verification_of(participant) is None

    office.post(address(participant, "verify"), {"needs_treatment": "no", "reason": "spoke with her"})
    assert verification_of(participant).eligible


def test_criterion_that_stands_in_the_way_makes_not_eligible(office, trial, north):
    participant = make_screened_participant(trial, north)
    office.post(address(participant, "verify"), {"needs_treatment": "yes"})
    assert not verification_of(participant).eligible


def test_randomizing_asks_for_the_password_and_shows_the_arm_once(office, trial, north):
    participant = make_verified_participant(trial, north)
    assert "Your password" in office.get(address(participant, "randomize")).content.decode()

    wrong = office.post(address(participant, "randomize"), {"password": "wrong"})
    assert "This is not your password" in wrong.content.decode()
    assert not is_allocated(participant)

    shown = office.post(address(participant, "randomize"), {"password": PASSWORD}, follow=True)
    arm = arms_for_analysis(trial=trial, reason="test", now=NOW)[participant.pk]
    assert {"talk": "A talk with a team", "usual": "Follow-up as before"}[arm] in shown.content.decode()
    assert says_no_arm(office.get(address(participant, "allocation")))
    assert ReadEvent.objects.filter(what="arm", study_id=participant.study_id).count() == 1


@pytest.mark.parametrize("method", ["permuted_blocks", "minimization"])
def test_before_the_password_the_page_says_trial_site_and_the_answers_that_decide(browser_of, method):
    trial = make_trial("told", changes=MINIMIZED if method == "minimization" else {})
    seal(trial)
    participant = make_verified_participant(trial, trial.sites.get(key="north"))
    page = browser_of(make_user("coordinator", trial=trial)).get(address(participant, "randomize"))
    facts = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page.content.decode())
    assert facts == [("Trial", "Tiny trial"), ("Site", "North"), ("What troubles you most?", "Body")]
    assert says_no_arm(page)


def test_answers_are_not_told_to_who_may_randomize_but_read_no_answers(office, monkeypatch, trial, north):
    monkeypatch.setattr(
        Coordinator, "permissions", Coordinator.permissions - {Permission.VIEW_HEALTH_ANSWERS}
    )
    participant = make_verified_participant(trial, north)
    page = office.get(address(participant, "randomize")).content.decode()
    assert "<dd>North</dd>" in page
    assert "What troubles you most?" not in page


def test_arm_is_shown_again_only_with_a_reason(office, trial, north):
    participant = make_verified_participant(trial, north)
    office.post(address(participant, "randomize"), {"password": PASSWORD})
    office.get(address(participant, "allocation"))
    assert says_no_arm(office.post(address(participant, "allocation"), {"reason": ""}))
    page = office.post(address(participant, "allocation"), {"reason": "to book the meeting"})
    assert not says_no_arm(page)
    assert ReadEvent.objects.filter(what="arm", reason="to book the meeting").exists()


def test_in_pairs_of_sites_the_page_speaks_of_the_sites_group_and_of_no_list(browser_of):
    trial = make_trial("pairs", changes=PAIRS)
    seal(trial)
    participant = make_verified_participant(trial, trial.sites.first())
    page = browser_of(make_user("coordinator", trial=trial)).get(address(participant, "randomize"))
    assert "the group that was drawn for the site" in page.content.decode()


def test_second_click_leads_to_the_first_allocation_and_says_by_whom_and_when(
    office, coordinator, trial, north
):
    participant = make_verified_participant(trial, north)
    first = office.post(address(participant, "randomize"), {"password": PASSWORD}, follow=True)
    assert ALREADY not in first.content.decode()
    given = Allocation.objects.get()
    by = f"{date_format(localtime(given.at), 'DATETIME_FORMAT')} by {coordinator}"
    for again in (
        office.post(address(participant, "randomize"), {"password": PASSWORD}, follow=True),
        office.get(address(participant, "randomize"), follow=True),
        office.get(address(participant, "envelope"), follow=True),
    ):
        assert again.redirect_chain == [(address(participant, "allocation"), 302)]
        assert f"{ALREADY} on {by}." in again.content.decode()
    assert ALREADY not in office.get(address(participant, "allocation")).content.decode()
    assert Allocation.objects.get() == given


def test_who_comes_a_moment_after_a_colleague_is_told_so_and_shown_no_arm(
    office, coordinator, trial, north, monkeypatch
):
    participant = make_verified_participant(trial, north)
    colleague = make_user("coordinator", trial=trial, site=north)

    def after_the_colleague(**given):
        allocate(**given | {"by": colleague, "now": given["now"] - timedelta(seconds=1)})
        return allocate(**given)

    monkeypatch.setattr(views, "allocate", after_the_colleague)
    page = office.post(address(participant, "randomize"), {"password": PASSWORD}, follow=True)
    assert ALREADY in page.content.decode()
    assert colleague.name in page.content.decode()
    assert says_no_arm(page)


def test_randomize_button_is_missing_while_a_condition_is(office, trial, north):
    participant = make_screened_participant(trial, north)
    page = office.get(address(participant, "randomize")).content.decode()
    assert "password" not in page
    refused = office.post(address(participant, "randomize"), {"password": PASSWORD})
    assert "cannot be randomized yet" in refused.content.decode()
    assert not is_allocated(participant)


def test_arm_stands_on_no_list_no_story_and_in_no_history(office, browser_of, trial, north):
    participant = make_verified_participant(trial, north)
    office.post(address(participant, "randomize"), {"password": PASSWORD})
    for page in (
        office.get(reverse("admin:people_participant_changelist")),
        office.get(address(participant)),
        office.get(reverse("admin:index")),
    ):
        assert says_no_arm(page)
    monitor = browser_of(make_user("monitor", trial=trial))
    assert says_no_arm(monitor.get(address(participant, "history")))
    assert says_no_arm(monitor.get(address(participant, "allocation")))
    assert says_no_arm(monitor.post(address(participant, "allocation"), {"reason": "curious"}))


def test_history_is_cut_to_one_part_for_who_may_know_it(office, browser_of, coordinator, trial, north):
    participant = make_verified_participant(trial, north)
    allocate(participant=participant, by=coordinator, now=NOW)
    make_plans(now=NOW)
    history = address(participant, "history")

    def parts_and_things(page):
        parts = [key for key, _name in page.context["parts"]]
        return parts, {entry.thing for entry in page.context["entries"]}

    parts, things = parts_and_things(office.get(history, {"part": "randomization"}))
    assert "randomization" in parts
    assert things == {"allocation"}
    monitor = browser_of(make_user("monitor", trial=trial))
    parts, things = parts_and_things(monitor.get(history, {"part": "randomization"}))
    assert "randomization" not in parts
    assert "allocation" not in things
    assert parts_and_things(monitor.get(history, {"part": "followup"}))[1] == {"plan", "occasion"}


@pytest.mark.parametrize("act", ["change", "verify", "randomize", "allocation", "identity", "status"])
def test_coordinator_of_another_site_finds_nobody(browser_of, trial, north, act):
    participant = make_verified_participant(trial, north)
    elsewhere = make_user("coordinator", trial=trial, site=trial.sites.get(key="south"))
    assert browser_of(elsewhere).get(address(participant, act)).status_code == 404


@pytest.mark.parametrize("act", ["verify", "randomize", "identity", "status"])
def test_monitor_reads_but_does_nothing(browser_of, trial, north, act):
    participant = make_verified_participant(trial, north)
    monitor = browser_of(make_user("monitor", trial=trial))
    assert monitor.get(address(participant)).status_code == 200
    assert monitor.post(address(participant, act), {}).status_code == 404


@pytest.mark.parametrize("role", ["researcher", "statistician", "expert"])
def test_who_has_no_business_in_the_office_does_not_come_in(browser_of, trial, north, role):
    participant = make_verified_participant(trial, north)
    outsider = browser_of(make_user(role, trial=trial))
    for page in (
        address(participant),
        reverse("admin:index"),
        reverse("admin:people_participant_changelist"),
    ):
        assert outsider.get(page).status_code in (302, 403, 404)


def test_eligibility_is_not_decided_anew_after_randomization(office, trial, north):
    participant = make_verified_participant(trial, north)
    office.post(address(participant, "randomize"), {"password": PASSWORD})
    page = office.post(address(participant, "verify"), {"needs_treatment": "yes"})
    assert page.url == address(participant)
    assert verification_of(participant).eligible


def test_who_does_not_fit_is_told_with_each_decision_and_no_checklist_of_randomization(office, trial, north):
    participant = make_screened_participant(trial, north)
    assert "Before randomization</h2>" in office.get(address(participant)).content.decode()
    office.post(address(participant, "verify"), {"needs_treatment": "yes", "reason": "Has an operation"})
    page = " ".join(office.get(address(participant)).content.decode().split())
    assert "Before randomization</h2>" not in page
    assert "cannot take part, and is not randomized" in page
    assert "Stands in the way:</span><span>Needs other treatment now: <strong>Yes" in page
    assert "Has an operation" in page


def test_deciding_anew_starts_from_the_earlier_decision_and_needs_a_reason(office, trial, north):
    participant = make_screened_participant(trial, north)
    office.post(address(participant, "verify"), {"needs_treatment": "yes"})
    form = office.get(address(participant, "verify")).context["form"]
    assert form["needs_treatment"].value() == "yes"
    assert form["reason"].field.required

    refused = office.post(address(participant, "verify"), {"needs_treatment": "no", "reason": ""})
    assert "Say why you decide anew" in str(refused.context["form"].errors["reason"])
    assert not verification_of(participant).eligible

    office.post(address(participant, "verify"), {"needs_treatment": "no", "reason": "A slip"})
    assert verification_of(participant).eligible


def test_every_questionnaire_that_was_sent_in_is_shown_by_occasion(office, trial, north):
    participant = make_verified_participant(trial, north)
    given = {
        "participant": participant,
        "occasion": "week2",
        "language": "nb",
        "now": NOW + timedelta(days=15),
    }
    save_answers(answers={"calm": "never", "tired": "sometimes", "pain_now": 9}, **given)
    assert "After two weeks" not in office.get(address(participant)).content.decode()
    submit(**given)
    answers = office.get(address(participant)).context["answers"]
    assert [str(sitting.title) for sitting in answers] == ["Before randomization", "After two weeks"]
    assert "9" in [one.answer for _title, given in answers[1].parts for one in given]


def test_the_story_leads_to_all_messages_of_the_participant_alone(office, trial, north):
    participant, other = (make_verified_participant(trial, north) for _ in range(2))
    for one in (participant, other):
        for number in range(14):
            make_message(one, key=f"k{number}")
    page = office.get(address(participant))
    assert len(page.context["messages_sent"]) == 12
    everything = f"{reverse('admin:messaging_message_changelist')}?q={participant.study_id}"
    assert everything in page.content.decode()
    listed = office.get(everything).context["cl"].queryset
    assert {message.participant for message in listed} == {participant}
    assert listed.count() >= 14


def test_a_decision_sent_twice_is_one_row_and_one_status(office, trial, north):
    participant = make_screened_participant(trial, north)
    for _click in range(2):
        assert office.post(address(participant, "verify"), {"needs_treatment": "no"}).status_code == 302
    assert participant.verifications.count() == 1
    assert participant.statuses.filter(name=Status.VERIFIED).count() == 1


@pytest.mark.parametrize("page", ["people/participant", "protocol/trial", "followup/unclearreply"])
def test_an_address_that_is_no_number_is_no_page(office, trial, page):
    assert office.get(f"/office/{page}/abc/change/").status_code == 404


def test_answers_are_closed_after_withdrawal_of_data(office, trial, north):
    participant = make_screened_participant(trial, north)
    assert "What troubles you most?" in office.get(address(participant)).content.decode()
    office.post(
        address(participant, "status"),
        {"name": "withdrawn_data", "until": "", "reason": "asked for it", "sure": "yes"},
    )
    page = office.get(address(participant)).content.decode()
    assert "What troubles you most?" not in page
    assert "Read name and phone" not in page


def test_identity_is_read_with_a_reason_and_kept_in_the_read_log(office, trial, north):
    participant = make_screened_participant(trial, north)
    page = office.post(address(participant, "identity"), {"wanted": ["name"], "reason": ""})
    assert "Eksempel" not in page.content.decode()
    page = office.post(address(participant, "identity"), {"wanted": ["name"], "reason": "to call her"})
    assert "Eksempel Person" in page.content.decode()
    assert ReadEvent.objects.get(study_id=participant.study_id).reason == "to call her"


def test_a_detail_that_was_asked_for_and_is_not_on_file_is_said_to_be_missing(office, trial, north):
    participant = make_screened_participant(trial, north)
    page = office.post(address(participant, "identity"), {"wanted": ["phone", "email"], "reason": "to call"})
    text = " ".join(page.content.decode().split())
    assert "<dt>E-mail</dt><dd>not registered</dd>" in text
    assert text.count("not registered") == 1
    assert "<dt>Name</dt>" not in text


def test_break_is_recorded_once_and_shown_with_its_last_day(office, trial, north):
    participant = make_screened_participant(trial, north)
    told = {"name": "paused", "until": "2099-01-31", "reason": "operation"}
    for _click in range(2):
        assert office.post(address(participant, "status"), told).status_code == 302
    assert "up to and including 31 January" in office.get(address(participant)).content.decode()
    row = ParticipantStatus.objects.get(participant=participant, name=Status.PAUSED)
    assert row.until.isoformat() == "2099-01-31T23:00:00+00:00"
    assert row.reason == "operation"


def test_withdrawal_of_data_is_asked_about_once_more(office, trial, north):
    participant = make_screened_participant(trial, north)
    told = {"name": "withdrawn_data", "until": "", "reason": "asked by telephone"}
    page = office.post(address(participant, "status"), told)
    assert "Are you sure?" in page.content.decode()
    assert not participant.statuses.filter(name=Status.WITHDRAWN_DATA).exists()
    office.post(address(participant, "status"), {**told, "sure": "yes"})
    assert participant.statuses.filter(name=Status.WITHDRAWN_DATA).exists()


def test_status_without_reason_keeps_what_was_typed(office, trial, north):
    participant = make_screened_participant(trial, north)
    page = office.post(
        address(participant, "status"), {"name": "paused", "until": "2099-01-31", "reason": ""}
    )
    assert "Write who told you" in page.content.decode()
    assert "2099-01-31" in page.content.decode()


def test_pill_says_randomized_until_something_weightier_happens(office, coordinator, trial, north):
    participant = make_verified_participant(trial, north, by=coordinator)
    listed = reverse("admin:people_participant_changelist")

    def pills():
        return [re.search(r'tb-pill"[^>]*>([^<]+)', office.get(page).content.decode())[1]
                for page in (address(participant), listed)]  # fmt: skip

    assert pills() == ["Verified as eligible"] * 2
    office.post(address(participant, "randomize"), {"password": PASSWORD})
    assert pills() == ["Randomized"] * 2
    for status in (Status.PAUSED, Status.STOPPED_CONTACT, Status.COMPLETED, Status.DIED):
        add_status(participant=participant, name=status, by=coordinator, now=NOW)
        assert pills() == [status.label] * 2


def test_a_list_that_does_not_open_is_said_in_a_sentence_not_by_a_broken_page(
    office, trial, north, coordinator, settings
):
    participant = make_verified_participant(trial, north)
    allocate(participant=participant, by=coordinator, now=NOW)
    settings.RANDOMIZATION_KEY = "another-key-of-the-same-length-which-opens-nothing"
    address = reverse("admin:people_participant_allocation", args=[participant.pk])
    page = office.post(address, {"reason": "To book"})
    assert page.status_code == 409
    assert "Tell the statistician." in page.content.decode()
