"""Role × address: who may knock where. A new address without a row here fails.

A row tells for GET and for POST (an empty form) who is let in; everybody else is refused: sent to a log-in or
back to the start, told 404 or 403, or 405. `coordinator` alone means: where the thing is, and neither at
another site nor in another trial. `coordinator+` means: at another site of the same trial as well.
`coordinator*` means: wherever they have the role, since the page shows each their own. `participant` is whom
it is about, `participant*` any. None: it does not depend on who asks, or takes no form of its own.
"""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.apps import apps
from django.contrib import admin
from django.urls import URLPattern, get_resolver, reverse

from tests.world import PLACES, undone
from trial.accounts.roles import ALL
from trial.audit.models import AuditEvent

ROLES = [role.key for role in ALL]
EVERYBODY = {(role, place) for role in ROLES if role != "system_administrator" for place in PLACES} | {
    ("system_administrator", "own"),
    ("participant", "own"),
    ("participant", "other"),
    ("", ""),
}
STAFF = " ".join(f"{role}*" for role in ROLES)
OFFICE = "coordinator* trial_manager* unblinded_staff* monitor* system_administrator"
MANAGERS = "coordinator trial_manager"
READERS = f"{MANAGERS} unblinded_staff monitor"
READERS_ANYWHERE = "coordinator+ trial_manager+ unblinded_staff+ monitor+"
COMPOSERS = f"{MANAGERS} unblinded_staff"
"""Who puts expert teams together."""
TEAM = f"{COMPOSERS} expert"
REFUSALS = {
    "": {"/accounts/login/", "/accounts/reauthenticate/"},
    "admin": {"/", "/office/", "/office/login/"},
    "followup": {"/q/"},
    "portal": {"/me/login/"},
    "screening": {"/me/login/"},
}
"""Where who is not let in is sent instead."""
SHOWN_AGAIN = ("_changelist", "_history")
"""Pages of the admin that take a POST and answer it as a GET,"""
OUR_OWN = ("admin:followup_unclearreply_changelist", "admin:people_participant_history")
"""except where they are our own."""

ROWS: dict[str, tuple[str | None, str | None]] = {
    "health": ("everybody", "everybody"),
    "set_language": ("everybody", "everybody"),
    # --- participants ---
    "screening:trials": ("everybody", ""),
    "screening:about": ("everybody", ""),
    "screening:start": ("", "everybody"),
    "screening:questions": ("everybody", "everybody"),
    "screening:check": ("everybody", "everybody"),
    "screening:result": ("everybody", ""),
    "screening:again": ("", "everybody"),
    "screening:consent": ("everybody", "everybody"),
    "screening:declined": ("everybody", ""),
    "screening:contact": ("everybody", "everybody"),
    "screening:confirm": ("everybody", "everybody"),
    "screening:send_again": ("", "everybody"),
    "screening:correct_phone": ("everybody", "everybody"),
    "screening:baseline": ("participant*", "participant*"),
    "screening:later": ("participant*", "participant*"),
    "screening:thanks": ("participant*", ""),
    "screening:consent_copy": ("participant*", ""),
    "screening:consent_text": ("participant*", ""),
    "portal:home": ("participant*", ""),
    "portal:login": ("everybody", "everybody"),
    "portal:code": ("", ""),  # only after a phone number was given
    "portal:code_again": ("", ""),
    "portal:logout": ("", "everybody"),
    "portal:messages": ("participant*", ""),
    "portal:advice": ("participant", ""),
    "portal:week": ("participant", "participant"),
    "portal:pause": ("participant*", "participant*"),
    "portal:resume": ("", "participant*"),
    "portal:phone": ("participant*", "participant*"),
    "portal:phone_code": ("participant*", "participant*"),
    "portal:phone_code_again": ("", "participant*"),
    "portal:withdraw": ("participant*", ""),
    "portal:withdraw_from": ("participant*", "participant*"),
    "followup:enter": ("everybody", "everybody"),
    "followup:questionnaire": ("participant*", "participant*"),
    "followup:done": ("participant*", ""),
    "followup:later": ("participant*", ""),
    "messaging:status": ("", ""),  # only with Twilio's signature
    "messaging:inbound": ("", ""),
    # --- expert team ---
    "expertteam:cases": ("coordinator* trial_manager* unblinded_staff* expert*", ""),
    "expertteam:case": (TEAM, ""),
    "expertteam:team": (COMPOSERS, COMPOSERS),
    "expertteam:leave": ("", COMPOSERS),
    "expertteam:new_note": ("expert", "expert"),
    "expertteam:note": ("expert", "expert"),
    "expertteam:new_advice": ("expert", "expert"),
    "expertteam:advice": ("expert", "expert"),
    "expertteam:plan": (TEAM, TEAM),
    "expertteam:attendance": ("expert", "expert"),
    "expertteam:cancel": ("", TEAM),
    "expertteam:time": ("expert", "expert"),
    "expertteam:remove_time": ("", "expert"),
    "expertteam:name": ("expert", "expert"),
    # --- statistician and researcher ---
    "randomization:desk": ("statistician", ""),
    "randomization:seal": ("statistician", "statistician"),
    "randomization:late_site": ("statistician", "statistician"),
    "randomization:reveal": ("statistician", "statistician"),
    "randomization:reports": ("statistician", "statistician"),
    "randomization:report": ("statistician", ""),
    "randomization:report_pdf": ("statistician", ""),
    "randomization:approve": ("statistician", "statistician"),
    "randomization:extend": ("statistician", "statistician"),
    "randomization:commitment": ("everybody", ""),
    "randomization:commitment_pdf": ("everybody", ""),
    "randomization:revealed": ("everybody", ""),  # the verifier; lists only after the reveal
    "randomization:envelopes": ("statistician", ""),
    "randomization:site_envelopes": ("statistician", "statistician"),
    "randomization:print_envelopes": ("statistician", "statistician"),
    "randomization:print_envelope": ("statistician", "statistician"),
    "randomization:return_envelope": ("statistician", "statistician"),
    "randomization:unblindings": ("trial_manager+ statistician+ monitor+", ""),
    "randomization:unblindings_pdf": ("trial_manager+ statistician+ monitor+", ""),
    "analysis:room": ("trial_manager statistician researcher monitor", ""),
    "analysis:download": ("", "researcher"),
    # --- office ---
    "admin:index": (OFFICE, OFFICE),
    "admin:app_list": ("", ""),
    "admin:login": (None, None),  # leads to allauth's log-in, or to the first room of one's own
    "admin:logout": (OFFICE, OFFICE),
    "admin:password_change": (OFFICE, OFFICE),
    "admin:password_change_done": (OFFICE, ""),
    "admin:autocomplete": ("", ""),
    "admin:jsi18n": (OFFICE, ""),
    "admin:view_on_site": ("", ""),
    "admin:people_participant_find": ("", "coordinator* trial_manager*"),
    "admin:people_participant_verify": (MANAGERS, MANAGERS),
    "admin:people_participant_randomize": (MANAGERS, MANAGERS),
    "admin:people_participant_allocation": (READERS, READERS),  # a monitor: no arm
    "admin:people_participant_certificate": (READERS, READERS),
    "admin:people_participant_deviation": (MANAGERS, MANAGERS),
    "admin:people_participant_identity": (MANAGERS, MANAGERS),
    "admin:people_participant_status": (MANAGERS, MANAGERS),
    "admin:people_participant_envelope": (MANAGERS, MANAGERS),
    "admin:people_participant_envelopes": ("coordinator* trial_manager* monitor* unblinded_staff*", ""),
    "admin:people_participant_envelope_return": (MANAGERS, MANAGERS),
    "admin:people_participant_unblind": (MANAGERS, MANAGERS),
    "admin:people_participant_unblinding": (MANAGERS, MANAGERS),
    "admin:people_participant_unblinding_decide": (MANAGERS, MANAGERS),
    "admin:followup_call_worklist": ("coordinator* trial_manager*", ""),
    "admin:followup_call_record": (MANAGERS, MANAGERS),
    "admin:followup_weeks": (f"{MANAGERS} monitor", ""),
    "admin:followup_correct": (MANAGERS, MANAGERS),
    "admin:protocol_trial_status": ("", "trial_manager"),
    "admin:protocol_trial_version": (READERS_ANYWHERE + " system_administrator", ""),
    "admin:protocol_trial_activate": ("", "trial_manager"),
    # --- logging in ---
    "account_login": ("everybody", "everybody"),
    "account_logout": ("everybody", "everybody"),
    "account_inactive": ("everybody", ""),
    "account_signup": ("everybody", "everybody"),  # says: by invitation
    "account_reset_password": ("everybody", "everybody"),
    "account_reset_password_done": ("everybody", ""),
    "account_reset_password_from_key": ("everybody", "everybody"),
    "account_reset_password_from_key_done": ("everybody", ""),
    "accounts:rooms": (STAFF, STAFF),
    "account_change_password": (STAFF, STAFF),
    "account_set_password": (STAFF, STAFF),
    "account_reauthenticate": ("", ""),
    "account_confirm_login_code": (STAFF, STAFF),
    "account_email": ("", ""),
    "account_email_verification_sent": ("", ""),
    "account_confirm_email": ("", ""),
    "mfa_index": (STAFF, ""),
    "mfa_authenticate": (STAFF, STAFF),
    "mfa_login_webauthn": (STAFF, None),  # tests/accounts/test_pages.py logs in with a passkey
    "mfa_activate_totp": (STAFF, STAFF),
    "mfa_add_webauthn": (STAFF, STAFF),
    "mfa_list_webauthn": (STAFF, ""),
    "mfa_generate_recovery_codes": (STAFF, STAFF),
    "mfa_view_recovery_codes": ("", ""),  # these only after the password once more, or with a second step
    "mfa_download_recovery_codes": ("", ""),
    "mfa_deactivate_totp": ("", ""),
    "mfa_edit_webauthn": ("", ""),
    "mfa_remove_webauthn": ("", ""),
    "mfa_reauthenticate": ("", ""),
    "mfa_reauthenticate_webauthn": ("", ""),
}

ADMIN = {
    "accounts.User": (
        "trial_manager system_administrator",
        "trial_manager system_administrator",
        "system_administrator",
    ),
    "analysis.Download": ("trial_manager+ monitor+", "", ""),
    "analysis.Snapshot": ("trial_manager+ monitor+", "", ""),
    "audit.AuditEvent": ("trial_manager monitor", "", ""),
    "audit.ReadEvent": ("trial_manager monitor", "", ""),
    "followup.Call": (MANAGERS, "", ""),
    "followup.Occasion": (READERS, "", ""),
    "followup.UnclearReply": (MANAGERS, "", MANAGERS),
    "messaging.Heartbeat": ("system_administrator", "", ""),
    "messaging.Inbound": (READERS_ANYWHERE, "", ""),
    "messaging.Message": (READERS, "", ""),
    "people.Membership": (
        "trial_manager system_administrator",
        "trial_manager system_administrator",
        "trial_manager system_administrator",
    ),
    "people.Participant": (READERS, "", ""),
    "people.Site": (f"{READERS} system_administrator", "", "trial_manager"),
    "protocol.Trial": (READERS_ANYWHERE + " system_administrator", "", ""),
    "questionnaires.ResponseSet": (READERS, "", ""),
    "randomization.Deviation": (READERS, "", ""),
}
HISTORY = {
    # where the history is not for all who see the thing: what tells an arm is not told to the blinded
    "messaging.Message": f"{MANAGERS} unblinded_staff",
    "people.Participant": f"{MANAGERS} monitor",
    "randomization.Deviation": f"{MANAGERS} unblinded_staff",
    "audit.ReadEvent": "",  # only ever added: the page itself says all
}


def admin_rows():
    """The five pages that Django makes for each model of the office: who views, adds and changes."""
    for label, (view, add, change) in ADMIN.items():
        model = apps.get_model(label)._meta
        page = f"admin:{model.app_label}_{model.model_name}_"
        yield page + "changelist", (_anywhere(view), _shown_again(page + "changelist", _anywhere(view)))
        yield page + "add", (_anywhere(add), _anywhere(add))
        yield page + "change", (view, change)
        history = HISTORY.get(label, view)
        yield page + "history", (history, _shown_again(page + "history", history))
        yield page + "delete", ("", "")


def _shown_again(name, who):
    """Django's lists and histories answer a POST as a GET; pages of our own refuse it."""
    return "" if name in OUR_OWN else who


def _anywhere(who):
    return " ".join(f"{name.rstrip('*+')}*" for name in who.split())


def people(who):
    """A row's words as a set of (role, place)."""
    if who == "everybody":
        return EVERYBODY
    return {
        (role, place)
        for word in who.split()
        for role, place in EVERYBODY
        if role == word.rstrip("*+")
        and (word.endswith("*") or place == "own" or (word.endswith("+") and place == "site"))
    }


def addresses(patterns, namespace="", before=()):
    """(name, parameters, route) of every address of the product."""
    for each in patterns:
        parameters = (*before, *each.pattern.regex.groupindex)
        if isinstance(each, URLPattern):
            yield each.name and namespace + each.name, parameters, str(each.pattern)
        else:
            inner = f"{each.namespace}:" if each.namespace else ""
            yield from addresses(each.url_patterns, namespace + inner, parameters)


EVERY = list(addresses(get_resolver().url_patterns))
ADDRESSES = {name: parameters for name, parameters, _route in EVERY if name}
EXPECTED = ROWS | dict(admin_rows())


def address_of(world, name):
    """The address of the thing that belongs to `world.participant`, to the site north, to the first trial."""
    values = {
        "slug": world.trial.slug,
        "site": world.north.key,
        "study_id": world.participant.study_id,
        "page": 1,
        "kind": "contact",
        "name": "verify_list.py",
        "number": 1,
        "thread": (world.advice if "advice" in name else world.note).thread,
        "report_pk": world.report.pk,
        "meeting": world.meeting.pk,
        "member": world.case.members.order_by("pk").last().pk,
        "entry": world.entry.pk,
        "message_id": world.note.thread,
        "version_pk": world.participant.protocol_version_id,
        "pk": world.participant.pk,
        "uidb36": "1",
        "key": "x-y",
        "app_label": "people",
        "content_type_id": 1,
        "object_id": 1,
    }
    if name == "admin:people_participant_envelope_return":
        values["number"] = world.envelope.pk
    if name.startswith("admin:people_participant_unblind"):
        values |= {"pk": world.unblinding.participant.pk, "number": world.unblinding.pk}
    if name == "analysis:download":
        values["pk"] = world.snapshot.pk
    if name.startswith("admin:protocol_trial"):
        values["pk"] = world.trial.pk
    for model in admin.site._registry:
        if name.startswith(f"admin:{model._meta.app_label}_{model._meta.model_name}_"):
            values["object_id"] = world.thing(model).pk
    return reverse(name, kwargs={parameter: values[parameter] for parameter in ADDRESSES[name]})


def lets_in(client, method, name, address) -> bool:
    with undone():
        response = getattr(client, method.lower())(address)
        if response.streaming:
            list(response)  # closes the file
    if response.status_code in (301, 302):
        refusals = REFUSALS.get(name.rpartition(":")[0], set()) | REFUSALS[""]
        return urlsplit(response["Location"]).path not in refusals
    assert response.status_code < 500
    return response.status_code not in (403, 404, 405)


def test_every_address_has_a_row_and_every_row_an_address():
    assert EXPECTED.keys() == ADDRESSES.keys()


def test_no_address_hides_behind_a_missing_name():
    """The admin's short addresses lead to named ones; what is shut of allauth answers 404."""
    unnamed = {route for name, _parameters, route in EVERY if not name}
    assert unnamed == {"<path:object_id>/", "(?P<url>.*)$", "^(?:email|confirm-email)/"}


def test_every_model_of_the_office_has_a_row():
    assert {model._meta.label for model in admin.site._registry} == ADMIN.keys()


@pytest.mark.parametrize(
    ("name", "method", "expected"),
    [
        (name, method, expected)
        for name, row in sorted(EXPECTED.items())
        for method, expected in zip(("GET", "POST"), row, strict=True)
        if expected is not None
    ],
)
def test_who_is_let_in(world, name, method, expected):
    address = address_of(world, name)
    came_in = {who for who in EVERYBODY if lets_in(world.client(who), method, name, address)}
    assert came_in == people(expected)


@pytest.mark.parametrize("role", ROLES)
def test_every_role_has_a_page_of_its_own_to_which_the_readme_leads(role):
    root = Path(__file__).parents[1]
    page = f"docs/{role.replace('_', '-')}.md"
    assert (root / page).exists()
    assert f"]({page})" in (root / "README.md").read_text()


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_no_other_method_changes_anything(world, name):
    """Not even for somebody whom the page lets in: it is refused, or answered as a GET would be."""
    address, client = address_of(world, name), world.client(_strongest(name))
    looking = _changes(client, "get", address)
    for method in ("put", "patch", "delete", "options", *(["post"] if name.endswith(SHOWN_AGAIN) else ())):
        assert _changes(client, method, address) <= looking, method


def _changes(client, method, address):
    """How many changes of rows the trail has of this request."""
    with undone():
        before = AuditEvent.objects.count()
        assert getattr(client, method)(address).status_code < 500
        return AuditEvent.objects.count() - before


def _strongest(name):
    """Whoever may do something there, else whoever may look, else a trial manager."""
    for who in reversed(EXPECTED[name]):
        if allowed := people(who or "") - {("", "")}:
            return min(allowed, key=lambda one: (one[1] != "own", one[0] != "trial_manager", one))
    return ("trial_manager", "own")
