import pytest
from django.urls import reverse

from tests.factories import NOW, make_trial, make_user
from trial.accounts.permissions import Permission as P
from trial.people.models import Membership
from trial.people.selectors import has_permission
from trial.people.services import end_membership


@pytest.fixture
def manager(tiny, client):
    user = make_user("trial_manager", trial=tiny)
    client.force_login(user)
    return user


def add_role(client, **chosen):
    return client.post(reverse("admin:people_membership_add"), {"site": "", "trial": "", **chosen})


def test_a_manager_gives_a_role_and_ends_it(client, manager, tiny, north):
    user = make_user()
    asked = {"user": user.pk, "role": "coordinator", "trial": tiny.pk, "site": north.pk}
    assert add_role(client, **asked).status_code == 302
    assert add_role(client, **asked).status_code == 302
    membership = Membership.objects.get(user=user)
    assert membership.granted_by == manager
    page = reverse("admin:people_membership_change", args=[membership.pk])
    assert client.post(page, {"ends": "on"}).status_code == 302
    assert not has_permission(user, P.RANDOMIZE)
    assert "ends" not in client.get(page).content.decode()


def test_a_refused_role_is_explained_on_the_form(client, manager, tiny):
    other = make_trial("other")
    answer = add_role(client, user=make_user("researcher", trial=tiny).pk, role="expert", trial=tiny.pk)
    assert answer.status_code == 200
    assert answer.context["adminform"].form.non_field_errors()
    for place in ({"trial": other.pk}, {}, {"trial": tiny.pk, "site": other.sites.first().pk}):
        assert (
            add_role(client, user=make_user().pk, role="coordinator", **place)
            .context["adminform"]
            .form.errors
        )


def test_the_form_offers_only_what_this_person_may_give(client, manager, tiny):
    other = make_trial("other")
    theirs, nobody = make_user("coordinator", trial=other), make_user()
    gone = make_user("coordinator", trial=other)
    end_membership(membership=gone.memberships.get(), by=None, now=NOW)
    fields = client.get(reverse("admin:people_membership_add")).context["adminform"].form.fields
    assert set(fields["trial"].queryset) == {tiny}
    assert set(fields["site"].queryset) == set(tiny.sites.all())
    assert set(fields["user"].queryset) == {manager, nobody, gone}
    assert "coordinator" in dict(fields["role"].choices)
    assert "system_administrator" not in dict(fields["role"].choices)
    assert add_role(client, user=theirs.pk, role="expert", trial=tiny.pk).context["adminform"].form.errors

    client.force_login(make_user("system_administrator"))
    fields = client.get(reverse("admin:people_membership_add")).context["adminform"].form.fields
    assert set(fields["trial"].queryset) == {tiny, other}
    assert theirs in fields["user"].queryset
    assert "system_administrator" in dict(fields["role"].choices)


def test_a_manager_is_not_told_of_the_staff_of_another_trial(client, manager):
    theirs, nobody = make_user("coordinator", trial=make_trial("other")), make_user()
    page = client.get(reverse("admin:accounts_user_changelist")).content.decode()
    assert nobody.email in page
    assert manager.email in page
    assert theirs.email not in page
    assert client.get(reverse("admin:accounts_user_change", args=[theirs.pk])).status_code == 302


def test_a_manager_sees_the_memberships_of_her_trial_only(client, manager):
    stranger = make_user("coordinator", trial=make_trial("other"))
    assert stranger.email not in client.get(reverse("admin:people_membership_changelist")).content.decode()
    hidden = reverse("admin:people_membership_change", args=[stranger.memberships.get().pk])
    assert client.get(hidden).status_code == 302


@pytest.mark.parametrize("role", ["coordinator", "monitor"])
def test_who_manages_no_members_sees_none(client, tiny, role):
    client.force_login(make_user(role, trial=tiny))
    assert client.get(reverse("admin:people_membership_changelist")).status_code == 403
    assert add_role(client, user=make_user().pk, role="coordinator", trial=tiny.pk).status_code == 403


def test_a_site_is_closed_and_opened_by_its_manager(client, manager, north):
    page = reverse("admin:people_site_change", args=[north.pk])
    client.post(page, {})
    north.refresh_from_db()
    assert not north.is_open
    client.post(page, {"takes_in": "on"})
    north.refresh_from_db()
    assert north.is_open


def test_a_coordinator_sees_her_site_and_changes_nothing(client, north, south):
    client.force_login(make_user("coordinator", site=north))
    listed = client.get(reverse("admin:people_site_changelist")).content.decode()
    assert "North" in listed
    assert "South" not in listed
    page = reverse("admin:people_site_change", args=[north.pk])
    assert "takes_in" not in client.get(page).content.decode()
    assert client.post(page, {}).status_code == 403
    north.refresh_from_db()
    assert north.is_open


def test_memberships_are_filtered_by_the_names_of_roles_and_by_whether_they_are_held(client, manager, tiny):
    held, ended = (make_user("coordinator", trial=tiny) for _ in range(2))
    end_membership(membership=ended.memberships.get(), by=manager, now=NOW)
    address = reverse("admin:people_membership_changelist")
    page = client.get(address).content.decode()
    assert "Trial manager" in page
    assert ">trial_manager<" not in page

    def shown(**asked):
        return {row.user for row in client.get(address, asked).context["cl"].result_list}

    assert shown(held="now") == {manager, held}
    assert shown(held="ended") == {ended}
    assert shown() == {manager, held, ended}
