"""What the office sees of messages."""

import pytest
from django.urls import reverse

from tests.factories import NOW, make_participant, make_trial, make_user
from trial.messaging.models import Kind
from trial.people.services import grant

LIST = reverse("admin:messaging_message_changelist")


@pytest.fixture
def messages(plan):
    return {"advice": plan("advice:1", kind=Kind.ADVICE), "question": plan()}


def shown(client, user):
    client.force_login(user)
    return {message.kind for message in client.get(LIST).context["cl"].result_list}


def page(name, message):
    return reverse(f"admin:messaging_message_{name}", args=[message.pk])


def test_whoever_must_not_know_the_arm_sees_no_message_that_only_one_arm_gets(client, trial, messages):
    assert shown(client, make_user("coordinator", trial=trial)) == {Kind.ADVICE, Kind.WEEKLY}
    assert shown(client, make_user("monitor", trial=trial)) == {Kind.WEEKLY}
    assert client.get(page("change", messages["advice"])).status_code == 302


def test_a_role_in_another_trial_tells_no_arm_in_this_one(client, trial, messages):
    user = make_user("monitor", trial=trial)
    other = make_trial("other")
    grant(user=user, role="coordinator", trial=other, by=None, now=NOW)
    make_participant(other)
    assert shown(client, user) == {Kind.WEEKLY}
    assert client.get(page("history", messages["question"])).status_code == 403


def test_the_history_of_a_message_is_told_where_arms_are_known(client, trial, messages):
    client.force_login(make_user("coordinator", trial=trial))
    assert client.get(page("history", messages["question"])).status_code == 200
