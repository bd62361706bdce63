import pytest
from django.test import Client

from tests.factories import NOW, make_user

PASSWORD = "correct horse battery staple"


@pytest.fixture
def now():
    return NOW


@pytest.fixture
def user(db):
    return make_user("system_administrator", password=PASSWORD)


@pytest.fixture
def logged_in(user):
    client = Client()
    client.force_login(user)
    return client
