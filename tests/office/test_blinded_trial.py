"""In a blinded trial nobody who meets participants can tell two of them apart by anything that they see."""

import re
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from expertteam.selectors import case_of
from expertteam.services import assign, open_cases, read_case, sign_advice
from followup.services import make_plans
from randomization.selectors import arms_for_analysis, may_know_arm, randomization_number
from randomization.services import allocate, seal_lists
from tests.factories import NOW, make_trial, make_user, make_verified_participant, seal
from tests.office.conftest import PASSWORD
from tests.randomization.imported import imported_trial, list_file
from trial.accounts.permissions import Permission
from trial.audit.models import ReadEvent
from trial.people.models import Status
from trial.people.selectors import participants_for, trials_for
from trial.people.services import add_status, grant
from trial.protocol.reading import Sources
from trial.protocol.selectors import active_protocol, active_version, sources_of
from trial.protocol.services import activate, load_protocol

BLINDED = {"places_per_stratum = 40": 'places_per_stratum = 40\nmasking = "blinded"'}
BLIND = ("coordinator", "trial_manager", "monitor")
NAMES = (">Talk<", "Usual follow-up", "Samtale", "Vanlig oppfølging", "talk with a team")

pytestmark = pytest.mark.django_db


@pytest.fixture
def blinded():
    trial = make_trial("blinded", changes=BLINDED)
    seal(trial)
    return trial


@pytest.fixture
def both(blinded):
    """One participant of each arm, alike in everything but what the arm brings with it."""
    by = make_user("coordinator", trial=blinded)
    arms = {}
    while len(arms) < 2:
        one = make_verified_participant(blinded, by=by)
        allocate(participant=one, by=by, now=NOW)
        arms |= {arms_for_analysis(trial=blinded, reason="test", now=NOW)[one.pk]: one}
    open_cases(now=NOW)
    make_plans(now=NOW)
    case = case_of(arms["talk"])
    expert = make_user("expert", trial=blinded)
    assign(
        case=case, user=expert, profession="adviser", by=make_user("unblinded_staff", trial=blinded), now=NOW
    )
    read_case(case=case, by=expert, now=NOW)
    sign_advice(case=case, thread=uuid4(), based_on=0, text="You can …", by=expert, now=NOW)
    add_status(participant=arms["talk"], name=Status.WITHDRAWN_INTERVENTION, by=None, now=NOW)
    return arms["talk"], arms["usual"]


def pages_of(participant):
    """Every address of the office that is about one participant, with what is looked for."""
    own = ("change", "allocation", "history", "identity", "status", "verify", "randomize")
    lists = (
        "people_participant",
        "messaging_message",
        "followup_occasion",
        "followup_call",
        "questionnaires_responseset",
        "audit_auditevent",
        "audit_readevent",
    )
    about = {"q": participant.study_id}
    return [
        *((reverse(f"admin:people_participant_{page}", args=[participant.pk]), {}) for page in own),
        (reverse("admin:followup_weeks", args=[participant.pk]), {}),
        (reverse("admin:followup_call_record", args=[participant.pk]), {}),
        (reverse("expertteam:case", args=[participant.study_id]), {}),
        *((reverse(f"admin:{name}_changelist"), about) for name in lists),
    ]


def seen(browser, address, query, participant):
    """Status, text and number of queries, without what every participant has of their own."""
    with CaptureQueriesContext(
        connection,
    ) as queries:
        response = browser.get(address, query)
    text = response.content.decode().replace(participant.study_id, "ID")
    text = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", text)
    lines = re.sub(r"\d+", "0", re.sub(r"[0-9a-f-]{36}", "UUID", text)).splitlines()
    return response.status_code, len(queries), lines


@pytest.mark.parametrize("role", BLIND)
def test_pages_of_both_arms_are_the_same_to_who_may_not_know(browser_of, blinded, both, role):
    browser = browser_of(make_user(role, trial=blinded))
    for (address, query), (other, other_query) in zip(*map(pages_of, both), strict=True):
        browser.get(address, query)  # what is kept in memory is there for both
        talk, usual = seen(browser, address, query, both[0]), seen(browser, other, other_query, both[1])
        assert talk == usual, address
        assert not [name for name in NAMES if name in str(talk)], address


def test_who_may_not_know_finds_no_case(browser_of, blinded, both):
    for role in BLIND:
        browser = browser_of(make_user(role, trial=blinded))
        assert "/cases/" not in browser.get(reverse("admin:index"), follow=True).content.decode()
        assert browser.get(reverse("expertteam:case", args=[both[0].study_id])).status_code == 404


def test_unblinded_staff_sees_the_arm_with_a_reason_and_puts_the_team_together(browser_of, blinded, both):
    pharmacist = make_user("unblinded_staff", trial=blinded)
    browser = browser_of(pharmacist)
    address = reverse("admin:people_participant_allocation", args=[both[0].pk])
    assert "Talk" not in browser.get(address).content.decode()
    shown = browser.post(address, {"reason": "Packs the kit"}).content.decode()
    assert "Talk" in shown
    assert ReadEvent.objects.get(what="arm", actor=f"user:{pharmacist.pk}").reason == "Packs the kit"
    assert browser.get(reverse("expertteam:case", args=[both[0].study_id])).status_code == 200


def test_after_randomizing_the_coordinator_is_told_that_and_no_more(client, blinded):
    coordinator = make_user("coordinator", trial=blinded, password=PASSWORD)
    participant = make_verified_participant(blinded, by=coordinator)
    client.force_login(coordinator)
    client.cookies["django_language"] = "en"
    randomize = reverse("admin:people_participant_randomize", args=[participant.pk])
    page = client.post(randomize, {"password": PASSWORD}, follow=True).content.decode()
    assert "is randomized" in page
    assert "The trial is blinded" in page
    assert not [name for name in NAMES if name in page]
    assert not ReadEvent.objects.filter(what="arm").exists()


def test_an_amendment_does_not_lift_the_masking(blinded, both):
    sources = sources_of(active_version(blinded))
    text = sources.protocol.replace('version = "1.0"', 'version = "1.1"', 1)
    text = text.replace('masking = "blinded"', 'masking = "open"')
    amended = load_protocol(sources=Sources(text, sources.instruments), reason="Too soon", now=NOW)
    activate(version=amended, by="system:test", now=NOW)
    assert active_protocol(blinded).randomization.masking == "open"
    assert not may_know_arm(make_user("coordinator", trial=blinded), both[0])


def test_one_blinded_trial_leaves_the_arms_of_another_open(blinded):
    trial = make_trial("open")
    seal(trial)
    coordinator = make_user("coordinator", trial=trial)
    participant = make_verified_participant(trial, by=coordinator)
    allocate(participant=participant, by=coordinator, now=NOW)
    assert may_know_arm(coordinator, participant)
    assert participants_for(coordinator, Permission.VIEW_ARM).get() == participant
    grant(user=coordinator, role="coordinator", trial=blinded, by=None, now=NOW)
    assert set(trials_for(coordinator, Permission.VIEW_ARM)) == {trial}


def test_a_role_in_the_whole_installation_opens_no_blinded_arm(blinded, both):
    assert not may_know_arm(make_user("trial_manager"), both[0])
    assert not participants_for(make_user("trial_manager"), Permission.VIEW_ARM).exists()
    assert participants_for(make_user("unblinded_staff"), Permission.VIEW_ARM).count() >= 2


@pytest.mark.parametrize("told", [True, False])
def test_the_randomization_number_is_told_where_the_list_has_one(browser_of, told):
    trial = imported_trial("numbered", **{"[randomization]\n": '[randomization]\nmasking = "blinded"\n'})
    statistician = make_user("statistician", trial=trial)
    seal_lists(trial=trial, by=statistician, imported=list_file(codes=told), now=NOW)
    coordinator = make_user("coordinator", trial=trial)
    participant = make_verified_participant(trial, by=coordinator)
    place = allocate(participant=participant, by=coordinator, now=NOW).place
    address = reverse("admin:people_participant_allocation", args=[participant.pk])
    page = browser_of(coordinator).get(address).content.decode()
    assert ("Randomization number" in page) is told
    assert randomization_number(participant) == (place.code if told else "")
