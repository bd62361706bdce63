"""Every page of the role table on a phone, in a real Chromium, by axe's rules.

A new row there brings its page here. It is opened by the first who may, in the world of that table, after
what must come before it (`BEFORE`). What has no page of its own stands in `NO_PAGE` with the reason.
"""

from datetime import timedelta
from decimal import Decimal

import pytest
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404
from django.test import RequestFactory
from django.urls import reverse
from django.utils import translation
from django.views import csrf, defaults

from followup.services import make_plans, record_web_answer, turn_due_occasions
from randomization.services import allocate, print_envelopes, propose_list
from screening.document import consent_document
from tests.accounts.conftest import PASSWORD
from tests.browsers import DESK, PHONE, assert_good
from tests.factories import (
    NOW,
    by_method,
    join_sites,
    make_screened_participant,
    make_trial,
    make_user,
    make_verified_participant,
    seal,
)
from tests.randomization.imported import TWO_PERSONS, imported_trial, list_file
from tests.test_roles import EXPECTED, address_of
from tests.world import THEN, undone
from trial.accounts.models import User
from trial.core.errors import DomainError
from trial.core.middleware import SayRefusalMiddleware
from trial.people.access import SESSION_KEY
from trial.people.services import grant
from trial.protocol.selectors import active_protocol

pytestmark = pytest.mark.browser

LANGUAGE = "nb"
"""Its long words are the hardest to fit on a phone."""

NO_PAGE = {
    "health": "JSON",
    "set_language": "leads back to where one was",
    "screening:consent_text": "a file",
    "randomization:commitment_pdf": "a file",
    "randomization:revealed": "a file",
    "randomization:report_pdf": "a file",
    "admin:people_participant_certificate": "a file",
    "admin:jsi18n": "a script",
    "admin:login": "leads to account_login",
    "admin:logout": "leads to account_logout",
    "admin:password_change": "leads to account_change_password",
    "account_confirm_login_code": "leads back: nobody logs in by a code in an e-mail",
    "account_email": "shut",
    "account_confirm_email": "shut",
    "account_email_verification_sent": "shut",
    "mfa_login_webauthn": "JSON for the button on account_login",
    "mfa_download_recovery_codes": "a file",
    "mfa_reauthenticate_webauthn": "only with a real key: tests/accounts/test_pages.py has one",
    "randomization:unblindings_pdf": "a file",
    "portal:code_again": "takes a form only, of who has asked for a code before",
    "messaging:status": "Twilio's",
    "messaging:inbound": "Twilio's",
}


def has_page(name):
    """Not a form's address alone, and not refused to everybody in the office."""
    get, post = EXPECTED[name]
    takes_forms_only = get == "" and bool(post)
    refused = get == "" and name.startswith("admin:")
    return not (takes_forms_only or refused or name in NO_PAGE)


def before(*names):
    """The function prepares these pages; it answers with an address where that is not the table's."""

    def register(prepare):
        BEFORE.update(dict.fromkeys(names, prepare))
        return prepare

    return register


BEFORE = {}
THE_OTHER = ("participant", "other")
WHO = {
    "screening:baseline": THE_OTHER,
    "followup:questionnaire": ("", ""),
    "account_logout": ("coordinator", "own"),
}
"""Where it is not the first who is let in."""


def first_who(name):
    get = EXPECTED[name][0]
    if get in ("", "everybody"):
        return WHO.get(name, ("", ""))
    return WHO.get(name, (get.split()[0].rstrip("*+"), "own"))


# --- screening ---

SCREENING = {
    "start": {},
    "questions/1": {"sick_listed": "yes"},
    "questions/2": {"weeks_sick_listed": "10"},
    "questions/3": {"main_complaint": "pain"},
    "check": {},
    "consent": {"tick_sms": "on", "name": "Kari Eksempel"},
    "contact": {"phone": "68 05 00 01"},
}
SENT = {
    "questions": 1,
    "check": 4,
    "result": 5,
    "consent": 5,
    "declined": 5,
    "contact": 6,
    "confirm": 7,
    "correct_phone": 7,
}
"""How many of those forms a visitor has sent who comes to a page."""


def send(client, world, forms):
    shown = consent_document(active_protocol(world.trial), LANGUAGE).sha256
    for page, answers in forms:
        answers = answers | {"shown": shown, "site": world.north.pk}
        response = client.post(f"/t/{world.trial.slug}/{page}/", answers)
        assert response.status_code == 302, f"{page} was not accepted"


for page, number in SENT.items():

    @before(f"screening:{page}")
    def screen(client, world, number=number):
        send(client, world, list(SCREENING.items())[:number])


# --- participants ---


@before("portal:code")
def ask_for_a_code(client, world):
    client.post(reverse("portal:login"), {"phone": "68 05 00 01"})


@before("portal:phone_code")
def give_a_new_phone(client, world):
    client.post(reverse("portal:phone"), {"phone": "68 05 00 99"})


@before("followup:questionnaire")
def somebody_with_an_open_questionnaire(client, world):
    """Randomized early enough."""
    then = NOW - timedelta(days=3)
    participant = make_verified_participant(world.trial, now=then)
    allocate(participant=participant, by=make_user("coordinator", trial=world.trial), now=then)
    make_plans(now=then)
    turn_due_occasions(now=THEN)
    session = client.session
    session[SESSION_KEY] = participant.study_id
    session.save()


# --- statistician ---


@before("randomization:late_site")
def a_site_that_joined_late(client, world):
    """The list was sealed for two sites; the protocol in force names a third one."""
    trial = make_trial("whole", changes=by_method("complete_clusters"))
    seal(trial)
    join_sites(trial, "complete_clusters", "west", now=THEN)
    statistician = User.objects.get(pk=client.session["_auth_user_id"])
    grant(user=statistician, role="statistician", trial=trial, by=None, now=THEN)
    return reverse("randomization:late_site", args=["whole", "west"])


# --- office ---


@before("admin:people_participant_verify")
def somebody_to_verify(client, world):
    participant = make_screened_participant(world.trial, world.north, now=THEN)
    return reverse("admin:people_participant_verify", args=[participant.pk])


@before("admin:people_participant_randomize")
def somebody_to_randomize(client, world):
    participant = make_verified_participant(world.trial, world.north, now=THEN)
    return reverse("admin:people_participant_randomize", args=[participant.pk])


@before("admin:people_participant_envelope")
def an_envelope_that_was_printed(client, world):
    by = make_user("statistician", trial=world.trial)
    print_envelopes(site=world.north, numbers=[1], by=by, now=THEN)
    participant = make_verified_participant(world.trial, world.north, now=THEN)
    return reverse("admin:people_participant_envelope", args=[participant.pk])


@before(
    "admin:people_participant_unblind",
    "admin:people_participant_unblinding",
    "admin:people_participant_unblinding_decide",
)
def who_has_a_second_step(client, world):
    TOTP.activate(User.objects.get(pk=client.session["_auth_user_id"]), generate_totp_secret())


@before("admin:followup_correct")
def answer_the_first_week(client, world):
    record_web_answer(participant=world.participant, week=1, days=Decimal(2), now=THEN)


# --- randomization ---


def at_the_desk(client, trial):
    """The statistician of the world's trial is one of this trial too."""
    user = User.objects.get(pk=client.session["_auth_user_id"])
    grant(user=user, role="statistician", trial=trial, by=None, now=NOW)


@before("randomization:seal")
def a_list_to_import(client, world):
    trial = imported_trial("imported")
    at_the_desk(client, trial)
    return reverse("randomization:seal", args=[trial.slug])


@before("randomization:approve")
def a_list_that_is_proposed(client, world):
    trial = imported_trial("imported", **TWO_PERSONS)
    at_the_desk(client, trial)
    other = make_user("statistician", trial=trial)
    proposal = propose_list(trial=trial, by=other, imported=list_file(last=3), as_it_is=True, now=THEN)
    return reverse("randomization:approve", args=[trial.slug, proposal.pk])


# --- logging in ---


def log_in(client, *, confirmed=False):
    """Somebody with a password, a second step and a key; `confirmed` a moment ago."""
    user = make_user("monitor", password=PASSWORD)
    TOTP.activate(user, generate_totp_secret())
    RecoveryCodes.activate(user)
    client.force_login(user)
    if confirmed:
        client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    return user


@before("account_change_password", "account_reauthenticate", "mfa_reauthenticate")
def with_a_password(client, world):
    log_in(client)


@before("mfa_view_recovery_codes", "mfa_deactivate_totp", "mfa_index")
def with_a_second_step(client, world):
    log_in(client, confirmed=True)


@before("mfa_edit_webauthn")
def with_a_key_to_name(client, world):
    return reverse("mfa_edit_webauthn", args=[key_of(log_in(client, confirmed=True)).pk])


@before("mfa_remove_webauthn")
def with_a_key_to_remove(client, world):
    return reverse("mfa_remove_webauthn", args=[key_of(log_in(client, confirmed=True)).pk])


def key_of(user):
    return Authenticator.objects.create(user=user, type="webauthn", data={"name": "Key", "credential": {}})


@before("mfa_authenticate")
def before_the_second_step(client, world):
    user = log_in(client)
    client.logout()
    client.post(reverse("account_login"), {"login": user.email, "password": PASSWORD})


@before("account_reset_password_from_key")
def with_a_link_from_an_email(client, world):
    user = make_user("monitor", password=PASSWORD)
    link = {"uidb36": user_pk_to_url_str(user), "key": default_token_generator.make_token(user)}
    return reverse("account_reset_password_from_key", kwargs=link)


# --- the tests ---


def assert_good_everywhere(page):
    """By axe's rules on a phone, and nothing sticks out on a desk either."""
    assert_good(page)
    page.set_viewport_size(DESK)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.set_viewport_size(PHONE)


def visit(world, who):
    client = world.client(who)
    client.cookies["django_language"] = LANGUAGE
    return client


def test_every_exception_is_an_address_of_the_table():
    assert not (NO_PAGE.keys() | BEFORE.keys() | WHO.keys()) - EXPECTED.keys()


@pytest.mark.parametrize("name", [name for name in sorted(EXPECTED) if has_page(name)])
def test_a_page_is_good_on_a_phone(window, world, name):
    with undone():
        client = visit(world, first_who(name))
        address = BEFORE[name](client, world) if name in BEFORE else None
        response = client.get(address or address_of(world, name), follow=True)
    assert response.resolver_match.view_name == name
    window.show(response)
    assert_good_everywhere(window.page)


ERRORS = {
    "400": lambda request: defaults.bad_request(request, SuspiciousOperation()),
    "403": lambda request: defaults.permission_denied(request, PermissionDenied()),
    "403_csrf": csrf.csrf_failure,
    "404": lambda request: defaults.page_not_found(request, Http404()),
    "409": lambda request: SayRefusalMiddleware(defaults.server_error).process_exception(
        request, DomainError("The list does not open. Tell the statistician.")
    ),
    "500": defaults.server_error,
}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_is_said_on_a_good_page(window, name):
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    with translation.override(LANGUAGE):
        response = ERRORS[name](request)
    assert str(response.status_code) == name[:3]
    window.show(response)
    assert_good_everywhere(window.page)
