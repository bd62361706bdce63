"""Staff see the rooms that they may enter, and no others."""

import re

import pytest
from django.template import Context, Template
from django.test import RequestFactory
from django.urls import reverse

from tests.factories import NOW, make_trial, make_user
from trial.people.services import grant

pytestmark = pytest.mark.django_db

ROOMS = {
    "coordinator": ["Office"],
    "expert": ["Cases"],
    "researcher": ["Data room"],
    "statistician": ["Data room", "Randomization"],
}


def rooms(user, path="/"):
    request = RequestFactory().get(path)
    request.user = user
    return Template("{% load navigation %}{% navigation %}").render(Context({"request": request}))


def names(page):
    return re.findall(r"<a [^>]*>([^<]+)</a>", page)


@pytest.mark.parametrize("role", ROOMS)
def test_a_role_sees_its_rooms(role):
    user = make_user(role, trial=make_trial())

    assert set(ROOMS[role]) <= set(names(rooms(user)))
    assert set(names(rooms(user))) <= {"Office", "Cases", "Data room", "Randomization"}


def test_nobody_sees_a_room_without_a_role():
    assert rooms(make_user()).strip() == ""


def test_rooms_of_several_trials_carry_the_trials_names():
    one, other = make_trial(), make_trial("other")
    user = make_user("researcher", trial=one)
    grant(user=user, role="researcher", trial=other, by=None, now=NOW)

    assert [name for name in names(rooms(user)) if name.startswith("Data room")] == [
        "Data room: other",
        "Data room: tiny",
    ]


def test_the_room_where_one_is_is_marked():
    user = make_user("coordinator", trial=make_trial())

    assert 'aria-current="page"' in rooms(user, "/office/")


@pytest.mark.parametrize(("role", "room"), [("coordinator", "/office/"), ("expert", "/cases/")])
def test_the_word_mark_leads_to_ones_first_room(client, role, room):
    client.force_login(make_user(role, trial=make_trial()))

    assert client.get(reverse("account_login")).url == room
