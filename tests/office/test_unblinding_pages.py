"""Emergency unblinding in the office and its report: who comes in, with what, and what is told."""

import re

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from randomization.unblindings import unblindings_of
from tests.accounts.test_login import code
from tests.factories import NOW, make_trial, make_user, make_verified_participant, seal
from tests.office.conftest import PASSWORD
from tests.office.test_deviations import text_of
from tests.office.test_participant_page import says_no_arm
from tests.randomization.test_unblinding import WHY, make_blinded, randomized_in
from tests.randomization.test_unblinding import blinded as blinded_by_rules
from trial.audit.models import ReadEvent

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def standing_clock(time_machine):
    """No code runs out between making and sending it."""
    time_machine.move_to(NOW, tick=False)


class Person:
    """Somebody with a password and an authenticator app, in a browser in English."""

    def __init__(self, role, trial, client, **more):
        self.user = make_user(role, trial=trial, password=PASSWORD, **more)
        self.secret = generate_totp_secret()
        TOTP.activate(self.user, self.secret)
        self.client = client

    def browser(self):
        self.client.force_login(self.user)
        self.client.cookies["django_language"] = "en"
        return self.client

    def twice(self, **more):
        """What a form of two steps is sent; an app's code is good once, tests want it more often."""
        cache.clear()
        return {"password": PASSWORD, "code": code(self.secret), **more}


@pytest.fixture
def person(client):
    return lambda role, trial, **more: Person(role, trial, client, **more)


@pytest.fixture
def blinded(db):
    return make_blinded()


@pytest.fixture
def guarded(db):
    return make_blinded("guarded", second_person=True)


def ask(participant):
    return reverse("admin:people_participant_unblind", args=[participant.pk])


def of(participant, act=""):
    number = unblindings_of(participant)[-1].unblinding.pk
    return reverse(f"admin:people_participant_unblinding{act}", args=[participant.pk, number])


def arm_in(response):
    return response.context.get("arm")


def test_asker_sees_the_arm_with_password_and_code_and_again_only_with_both(person, blinded):
    asker, participant = person("coordinator", blinded), randomized_in(blinded)
    page = asker.browser().post(ask(participant), asker.twice(reason=WHY), follow=True)
    assert arm_in(page).key in {"talk", "usual"}
    assert "no-store" in page["Cache-Control"]

    again = asker.client.get(of(participant))
    assert arm_in(again) is None
    assert says_no_arm(again)
    assert arm_in(asker.client.post(of(participant), {"password": PASSWORD})) is None
    assert arm_in(asker.client.post(of(participant), asker.twice())) == arm_in(page)
    reads = ReadEvent.objects.filter(what="arm", study_id=participant.study_id)
    assert [read.reason for read in reads] == [WHY, WHY]


@pytest.mark.parametrize(
    "wrong",
    [{"password": "wrong"}, {"code": "000000"}, {"code": ""}, {"reason": "because"}, {"password": ""}],
)
def test_without_password_code_or_a_real_reason_nothing_happens(person, blinded, wrong):
    asker, participant = person("coordinator", blinded), randomized_in(blinded)
    page = asker.browser().post(ask(participant), asker.twice(reason=WHY) | wrong)
    assert page.status_code == 200
    assert says_no_arm(page)
    assert unblindings_of(participant) == []


def test_a_code_is_good_for_one_time_only(person, blinded):
    asker, participant = person("coordinator", blinded), randomized_in(blinded)
    sent = asker.twice(reason=WHY)
    asker.browser().post(ask(participant), sent)
    assert arm_in(asker.client.post(of(participant), sent)) is None


def test_a_recovery_code_does_in_an_emergency(person, blinded):
    asker, participant = person("coordinator", blinded), randomized_in(blinded)
    recovery = RecoveryCodes.activate(asker.user).get_unused_codes()[0]
    page = asker.browser().post(
        ask(participant), {"password": PASSWORD, "code": recovery, "reason": WHY}, follow=True
    )
    assert arm_in(page) is not None


def test_whoever_has_no_second_step_is_told_to_add_one(person, blinded):
    asker, participant = person("coordinator", blinded), randomized_in(blinded)
    sent = asker.twice(reason=WHY)
    Authenticator.objects.filter(user=asker.user).delete()
    page = asker.browser().get(ask(participant)).content.decode()
    assert "Add a second step" in page
    assert asker.client.post(ask(participant), sent).status_code == 200
    assert unblindings_of(participant) == []


def test_second_click_leads_to_the_first_request(person, blinded):
    asker, participant = person("coordinator", blinded), randomized_in(blinded)
    for _click in range(2):
        asker.browser().post(ask(participant), asker.twice(reason=WHY))
    assert len(unblindings_of(participant)) == 1


def test_a_colleague_decides_and_sees_no_arm(person, guarded):
    participant = randomized_in(guarded)
    asker, colleague = (person("coordinator", guarded) for _ in range(2))
    page = asker.browser().post(ask(participant), asker.twice(reason=WHY), follow=True)
    assert arm_in(page) is None
    assert "Waits for somebody else" in page.content.decode()
    assert arm_in(asker.client.post(of(participant), asker.twice())) is None
    assert asker.client.post(of(participant, "_decide"), asker.twice(released="yes")).status_code == 302
    assert unblindings_of(participant)[0].decision is None

    office = colleague.browser().get(reverse("admin:index")).content.decode()
    assert of(participant, "_decide") in office
    colleague.client.post(of(participant, "_decide"), {"password": PASSWORD, "released": "yes"})
    assert unblindings_of(participant)[0].decision is None
    page = colleague.client.post(of(participant, "_decide"), colleague.twice(released="yes"), follow=True)
    assert arm_in(page) is None
    assert says_no_arm(page)
    assert unblindings_of(participant)[0].is_released

    assert arm_in(asker.browser().get(of(participant))) is None
    assert arm_in(asker.client.post(of(participant), asker.twice())) is not None


def test_a_release_is_confirmed_also_where_the_answer_to_the_request_was_lost(guarded):
    participant = randomized_in(guarded)
    asker, colleague = (Person("coordinator", guarded, Client()) for _ in range(2))
    asker.browser().post(ask(participant), asker.twice(reason=WHY))
    colleague.browser().post(of(participant, "_decide"), colleague.twice(released="yes"))
    assert unblindings_of(participant)[0].is_released
    assert arm_in(asker.client.get(of(participant))) is None
    assert arm_in(asker.client.post(of(participant), asker.twice())) is not None


def test_a_refused_request_shows_nothing(person, guarded):
    participant = randomized_in(guarded)
    asker, colleague = (person("coordinator", guarded) for _ in range(2))
    asker.browser().post(ask(participant), asker.twice(reason=WHY))
    colleague.browser().post(of(participant, "_decide"), colleague.twice(released="no"))
    page = asker.browser().post(of(participant), asker.twice())
    assert arm_in(page) is None
    assert "Refused" in page.content.decode()


def test_participants_page_says_that_they_were_unblinded_and_not_the_arm(person, blinded):
    asker, participant = person("coordinator", blinded), randomized_in(blinded)
    change = reverse("admin:people_participant_change", args=[participant.pk])
    assert "Unblind in an emergency" in asker.browser().get(change).content.decode()
    asker.client.post(ask(participant), asker.twice(reason=WHY))
    for role in ("coordinator", "monitor"):
        page = person(role, blinded).browser().get(change)
        assert "Unblinded" in page.content.decode()
        assert says_no_arm(page)


def test_nobody_is_unblinded_in_an_open_trial_or_before_randomization(person, blinded):
    asker = person("coordinator", blinded)
    waiting = make_verified_participant(blinded)
    assert asker.browser().get(ask(waiting)).status_code == 404
    open_trial = make_trial()
    seal(open_trial)
    open_one, colleague = randomized_in(open_trial), person("coordinator", open_trial)
    assert colleague.browser().get(ask(open_one)).status_code == 404


@pytest.mark.parametrize("role", ["monitor", "unblinded_staff", "statistician", "researcher"])
def test_who_may_not_unblind_finds_no_such_page(person, blinded, role):
    asker, participant = person("coordinator", blinded), randomized_in(blinded)
    asker.browser().post(ask(participant), asker.twice(reason=WHY))
    other = person(role, blinded)
    for address in (ask(participant), of(participant), of(participant, "_decide")):
        assert other.browser().get(address).status_code in (302, 404)
        assert other.client.post(address, other.twice(reason=WHY)).status_code in (302, 404)
    assert len(unblindings_of(participant)) == 1


# --- the report ---


@pytest.fixture
def one_unblinded(person, blinded):
    asker, participant = person("coordinator", blinded), randomized_in(blinded)
    asker.browser().post(ask(participant), asker.twice(reason=WHY))
    return participant


def report_of(trial, name="unblindings"):
    return reverse(f"randomization:{name}", args=[trial.slug])


@pytest.mark.parametrize(
    ("role", "names"), [("trial_manager", True), ("monitor", True), ("statistician", False)]
)
def test_report_tells_who_when_and_why_and_no_arm(person, blinded, one_unblinded, role, names):
    reader = person(role, blinded).browser()
    page = reader.get(report_of(blinded))
    assert WHY in page.content.decode()
    assert "Coordinator" in page.content.decode()
    assert (one_unblinded.study_id in page.content.decode()) == names
    assert says_no_arm(page)
    (back,) = re.findall(r'class="tb-back" href="([^"]+)"', page.content.decode())
    assert reader.get(back).status_code == 200
    pdf = reader.get(report_of(blinded, "unblindings_pdf"))
    assert pdf["Content-Disposition"] == 'attachment; filename="unblindings.pdf"'
    assert pdf.content.startswith(b"%PDF")


def test_document_of_the_report_tells_each_moment_by_the_trials_own_clock(person, db):
    helsinki = {'time_zone = "Europe/Oslo"': 'time_zone = "Europe/Helsinki"'}
    trial = make_trial("helsinki", changes={**blinded_by_rules(), **helsinki})
    seal(trial)
    asker, participant = person("coordinator", trial), randomized_in(trial)
    asker.browser().post(ask(participant), asker.twice(reason=WHY))
    document = person("monitor", trial).browser().get(report_of(trial, "unblindings_pdf"))
    text = re.sub(r"\s+", " ", text_of(document.content))
    assert len(re.findall(r"2 March 2026, 11:00 \(Europe/Helsinki\)", text)) == 3  # asked, released, made
    assert "10:00" not in text


@pytest.mark.parametrize("role", ["coordinator", "researcher", "expert", "unblinded_staff"])
def test_report_is_closed_to_others(person, blinded, one_unblinded, role):
    reader = person(role, blinded).browser()
    for name in ("unblindings", "unblindings_pdf"):
        assert reader.get(report_of(blinded, name)).status_code == 404


def test_monitor_of_one_site_reads_of_that_site_only(person, blinded, one_unblinded, client):
    south = make_user("monitor", site=blinded.sites.get(key="south"))
    client.force_login(south)
    assert WHY not in client.get(report_of(blinded)).content.decode()


def test_data_room_counts_them_for_a_blinded_trial_only(person, blinded, one_unblinded):
    for role, linked in (("researcher", False), ("monitor", True)):
        page = person(role, blinded).browser().get(reverse("analysis:room", args=[blinded.slug]))
        assert page.context["now"].unblinded == 1
        assert (report_of(blinded) in page.content.decode()) == linked
    open_trial = make_trial()
    page = person("researcher", open_trial).browser().get(reverse("analysis:room", args=["tiny"]))
    assert page.context["now"].unblinded is None
