import re
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from screening.selectors import consent_of
from tests.factories import NOW, identity_of, make_message, make_screened_participant, make_trial, make_user
from trial.accounts.models import User
from trial.accounts.permissions import Permission as P
from trial.accounts.roles import ALL, Researcher, Statistician
from trial.messaging.texts import message_body
from trial.people.errors import NotPermitted, RolesKeptApart
from trial.people.identity import keys, vault
from trial.people.models import Membership
from trial.people.selectors import has_permission, may_manage_members
from trial.people.services import close_site, end_membership, grant, open_site, sync_sites
from trial.people.services.members import KEPT_APART
from trial.protocol.selectors import active_protocol


@pytest.fixture
def manager(tiny):
    return make_user("trial_manager", trial=tiny)


def test_a_trial_manager_gives_and_ends_roles_in_her_trial(tiny, north, manager):
    user = make_user()
    membership = grant(user=user, role="coordinator", site=north, by=manager, now=NOW)
    assert membership.trial == tiny
    assert grant(user=user, role="coordinator", site=north, by=manager, now=NOW) == membership
    end_membership(membership=membership, by=manager, now=NOW + timedelta(days=1))
    assert not has_permission(user, P.RANDOMIZE)
    assert grant(user=user, role="coordinator", site=north, by=manager, now=NOW) != membership
    assert set(may_manage_members(manager)) == set(Membership.objects.all())


def test_nobody_gives_roles_beyond_their_own_reach(tiny, north, manager):
    other, coordinator = make_trial("other"), make_user("coordinator", site=north)
    for by, where in ((manager, {"trial": other}), (manager, {}), (coordinator, {"site": north})):
        with pytest.raises(NotPermitted):
            grant(user=make_user(), role="coordinator", by=by, now=NOW, **where)
    with pytest.raises(NotPermitted):
        end_membership(membership=manager.memberships.get(), by=coordinator, now=NOW)
    assert not may_manage_members(coordinator).exists()


def test_a_trial_manager_makes_nobody_an_administrator_of_the_server(tiny, manager):
    for user in (make_user(), manager):
        with pytest.raises(NotPermitted):
            grant(user=user, role="system_administrator", trial=tiny, by=manager, now=NOW)
    administrator = make_user("system_administrator")
    assert grant(user=make_user(), role="system_administrator", by=administrator, now=NOW)


def test_no_role_that_analyses_blinded_or_holds_the_lists_goes_with_one_that_learns_an_arm():
    apart = {frozenset(pair) for pair in KEPT_APART}
    learns_an_arm = [role for role in ALL if {P.VIEW_ARM, P.VIEW_CASE} & role.permissions]
    for role in (Researcher, Statistician):
        assert all({role, other} in apart for other in learns_an_arm)


@pytest.mark.parametrize(
    ("held", "wanted"),
    [
        ("statistician", "coordinator"),
        ("researcher", "expert"),
        ("researcher", "statistician"),
        ("trial_manager", "researcher"),
    ],
)
def test_roles_that_concealment_keeps_apart(tiny, manager, held, wanted):
    user = make_user(held, trial=tiny)
    with pytest.raises(RolesKeptApart):
        grant(user=user, role=wanted, trial=tiny, by=manager, now=NOW)
    grant(user=user, role=wanted, trial=make_trial("other"), by=None, now=NOW)


def test_in_a_blinded_trial_no_expert_meets_participants(manager):
    changes = {"[randomization]\n": '[randomization]\nmasking = "blinded"\n'}
    blinded = make_trial("blinded", changes=changes)
    expert = make_user("expert", trial=blinded)
    for role in ("coordinator", "trial_manager"):
        with pytest.raises(RolesKeptApart):
            grant(user=expert, role=role, trial=blinded, by=None, now=NOW)


def test_the_database_refuses_a_role_twice_or_at_a_site_of_no_trial(tiny, north):
    user = make_user("coordinator", trial=tiny)
    common = {"user": user, "role": "coordinator", "granted_at": NOW}
    with pytest.raises(IntegrityError, match="held_once"), transaction.atomic():
        Membership.objects.create(trial=tiny, **common)
    with pytest.raises(IntegrityError, match="in_a_trial"), transaction.atomic():
        Membership.objects.create(trial=None, site=north, **common)


def test_sites_follow_the_protocol(tiny, north):
    protocol = active_protocol(tiny)
    north_only = protocol.model_copy(update={"sites": protocol.sites[:1]})
    later = NOW + timedelta(days=1)
    assert sync_sites(trial=tiny, protocol=north_only, now=later) == [north]
    assert tiny.sites.get(key="north").is_open
    assert tiny.sites.get(key="south").closed_at == later
    sync_sites(trial=tiny, protocol=north_only, now=NOW + timedelta(days=2))
    assert tiny.sites.get(key="south").closed_at == later


def test_a_manager_closes_and_opens_a_site(north, south, manager):
    close_site(site=north, by=manager, now=NOW)
    assert not north.is_open
    open_site(site=north, by=manager, now=NOW)
    assert north.is_open
    with pytest.raises(NotPermitted):
        close_site(site=south, by=make_user("monitor", site=south), now=NOW)


def test_the_first_person_is_let_in_from_the_shell(tiny):
    told = StringIO()
    call_command("grant", "Ada@Example.org", "trial_manager", trial="tiny", name="Ada", stdout=told)
    assert has_permission(User.objects.get(email="ada@example.org"), P.MANAGE_TRIAL, trial=tiny)
    assert "http" in told.getvalue()
    again = StringIO()
    call_command("grant", "ada@example.org", "expert", trial="tiny", site="north", stdout=again)
    assert "http" not in again.getvalue()


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        ({"trial": "none"}, "load its protocol"),
        ({"trial": "tiny", "site": "west"}, "no site west"),
        ({"site": "north"}, "--trial too"),
    ],
)
def test_the_shell_says_what_is_missing(tiny, place, problem):
    with pytest.raises(CommandError, match=problem):
        call_command("grant", "ada@example.org", "coordinator", **place)
    assert not User.objects.exists()


def test_rotation_seals_everything_under_the_newest_key(settings, tiny):
    participant = make_screened_participant(tiny)
    make_message(participant)
    name = identity_of(participant).name
    old, new = (settings.KEYS_DIR / "identity_keys").read_text().strip(), keys.new_key()
    try:
        settings.IDENTITY_KEYS = f"{new},{old}"
        keys.forget()
        counts = rotated()
        assert counts["people.IdentityRecord"] == counts["screening.Consent"] == 1
        assert counts["messaging.Message"] >= 1
        settings.IDENTITY_KEYS = new
        keys.forget()
        assert identity_of(participant).name == name
        assert vault.open_of(consent_of(participant), "name") == name
        assert message_body(participant.messages.get(key="w01:ask")) == "Hvor mange dager?"
        assert set(rotated().values()) == {0}
    finally:
        keys.forget()


def rotated():
    """Rows sealed anew, by model."""
    told = StringIO()
    call_command("identity", "rotate", stdout=told)
    return {model: int(rows) for model, rows in re.findall(r"([\w.]+): (\d+) rows", told.getvalue())}
