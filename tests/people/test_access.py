import pytest
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.http import Http404, HttpResponse

from tests.factories import NOW, make_trial, make_user
from trial.accounts.permissions import Permission as P
from trial.audit.models import ReadEvent
from trial.people.access import (
    access_participant,
    access_trial,
    enter,
    leave,
    own_participant,
    requires,
)
from trial.people.errors import NotPermitted, ReasonMissing
from trial.people.models import Status
from trial.people.selectors import has_permission, participants_for, sites_for, trials_for, users_with
from trial.people.services import add_status, end_membership, read_identity


@pytest.fixture
def alice(north):
    """Coordinator in the north."""
    return make_user("coordinator", site=north)


@pytest.fixture
def bob(south):
    """Coordinator in the south."""
    return make_user("coordinator", site=south)


@pytest.fixture
def manager(tiny):
    return make_user("trial_manager", trial=tiny)


@pytest.fixture
def charlie(db):
    """Manager of another trial."""
    return make_user("trial_manager", trial=make_trial("other"))


def test_a_coordinator_sees_the_participants_of_her_site_only(alice, bob, manager, charlie, participant):
    for user in (alice, manager):
        assert access_participant(user, participant.study_id.lower(), P.VIEW_PARTICIPANT) == participant
        assert access_participant(user, participant.pk, P.VIEW_PARTICIPANT) == participant
        assert participants_for(user, P.VIEW_PARTICIPANT).get() == participant
    for user in (bob, charlie, make_user(), AnonymousUser()):
        with pytest.raises(Http404):
            access_participant(user, participant.study_id, P.VIEW_PARTICIPANT)
        with pytest.raises(Http404):
            access_participant(user, participant.pk, P.VIEW_PARTICIPANT)
        assert not participants_for(user, P.VIEW_PARTICIPANT).exists()


@pytest.mark.parametrize("role", ["researcher", "statistician", "system_administrator"])
def test_roles_that_meet_no_participants_see_none(tiny, participant, role):
    user = make_user(role, trial=None if role == "system_administrator" else tiny)
    with pytest.raises(Http404):
        access_participant(user, participant.study_id, P.VIEW_PARTICIPANT)


def test_a_study_id_that_cannot_be_is_as_absent_as_one_that_is_not(alice):
    for study_id in ("K7F-4MX", "nonsense", ""):
        with pytest.raises(Http404):
            access_participant(alice, study_id, P.VIEW_PARTICIPANT)


def test_a_role_at_a_site_does_not_reach_the_whole_trial(tiny, north, south, alice, manager, charlie):
    assert has_permission(alice, P.RANDOMIZE)
    assert has_permission(alice, P.RANDOMIZE, site=north)
    assert not has_permission(alice, P.RANDOMIZE, site=south)
    assert not has_permission(alice, P.RANDOMIZE, trial=tiny)
    assert has_permission(manager, P.RANDOMIZE, trial=tiny)
    assert has_permission(manager, P.RANDOMIZE, site=south)
    assert not has_permission(charlie, P.RANDOMIZE, site=south)
    assert list(sites_for(alice, P.RANDOMIZE)) == [north]
    assert list(trials_for(alice, P.RANDOMIZE)) == [tiny]
    assert access_trial(manager, "tiny", P.RANDOMIZE) == tiny
    for refused in (
        lambda: access_trial(alice, "tiny", P.RANDOMIZE),
        lambda: access_trial(charlie, "tiny", P.RANDOMIZE),
        lambda: access_trial(manager, "none", P.RANDOMIZE),
    ):
        with pytest.raises(Http404):
            refused()


def test_django_asks_the_same_memberships(tiny, north, south, alice, participant):
    assert alice.has_perm(P.RANDOMIZE)
    assert alice.has_perm(P.RANDOMIZE, north)
    assert alice.has_perm(P.RANDOMIZE, participant)
    assert not alice.has_perm(P.RANDOMIZE, south)
    assert not alice.has_perm(P.RANDOMIZE, tiny)
    assert not alice.has_perm(P.SEAL_LIST)
    assert not alice.has_perm("people.change_site")
    assert alice.is_staff
    assert not make_user("researcher", trial=tiny).is_staff


def test_a_role_in_the_installation_reaches_every_trial(tiny, north):
    administrator = make_user("system_administrator")
    assert has_permission(administrator, P.MANAGE_MEMBERS, trial=tiny)
    assert has_permission(administrator, P.MANAGE_MEMBERS, site=north)
    assert tiny in trials_for(administrator, P.MANAGE_MEMBERS)


def test_an_ended_membership_or_a_closed_account_gives_nothing(north, alice, bob, south):
    end_membership(membership=alice.memberships.get(), by=None, now=NOW)
    assert not has_permission(alice, P.RANDOMIZE, site=north)
    bob.is_active = False
    assert not has_permission(bob, P.RANDOMIZE, site=south)


def test_colleagues_at_a_site(north, alice, bob, manager, charlie):
    assert set(users_with(P.RANDOMIZE, site=north)) == {alice, manager}


def test_reading_an_identity_is_an_act_with_a_reason(alice, participant):
    identity = read_identity(participant=participant, fields=["name"], by=alice, reason="Calls back", now=NOW)
    assert identity.name.startswith("Eksempel")
    assert identity.phone == ""
    event = ReadEvent.objects.get()
    assert (event.study_id, event.fields, event.reason) == (participant.study_id, ["name"], "Calls back")


def test_an_identity_is_not_read_without_reason_or_from_another_site(alice, bob, tiny, participant):
    with pytest.raises(ReasonMissing):
        read_identity(participant=participant, fields=["name"], by=alice, reason="  ", now=NOW)
    for user in (bob, make_user("researcher", trial=tiny), make_user("monitor", trial=tiny)):
        with pytest.raises(NotPermitted):
            read_identity(participant=participant, fields=["name"], by=user, reason="Curious", now=NOW)
    assert not ReadEvent.objects.exists()


@requires(P.RANDOMIZE)
def page(request):
    return HttpResponse("ok")


def test_a_view_asks_who_is_there_before_it_opens(rf, alice, tiny):
    request = rf.get("/office/")
    request.user = AnonymousUser()
    assert page(request).status_code == 302
    request.user = make_user("researcher", trial=tiny)
    with pytest.raises(Http404):
        page(request)
    request.user = alice
    assert page(request).status_code == 200


def test_the_participants_session_is_theirs_until_they_leave_or_withdraw(rf, participant):
    request = rf.get("/me/")
    request.session = SessionStore()
    request.session["staff"] = "left behind"
    assert own_participant(request) is None
    enter(request, participant)
    assert own_participant(request) == participant
    assert "staff" not in request.session
    leave(request)
    assert own_participant(request) is None
    enter(request, participant)
    add_status(participant=participant, name=Status.WITHDRAWN_DATA, by=None, now=NOW)
    assert own_participant(request) is None
