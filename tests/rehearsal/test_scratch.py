import os
from datetime import date
from threading import Timer

import psycopg
import pytest
from django.db import connections
from psycopg.conninfo import make_conninfo

from trial.people.identity import NotAnIdentityNumber, normalise_identity_number
from trial.rehearsal.scratch import _as_owner, _drop, scratch_database

SYNTHETIC = ("15838510075", "norwegian")


@pytest.mark.django_db(transaction=True)
def test_a_database_goes_as_soon_as_the_applications_last_session_has_ended():
    name = f"scratch_{os.getpid()}"
    _as_owner("CREATE DATABASE {}", name)
    parameters = connections["default"].get_connection_params()
    address = {key: parameters.get(key) for key in ("host", "port", "user", "password")}
    session = psycopg.connect(make_conninfo(**address, dbname=name))
    Timer(0.5, session.close).start()
    _drop(name)
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_database WHERE datname = %s", [name])
        assert cursor.fetchone() == (0,)


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_people_of_the_test_series_take_part_in_the_scratch_database_alone(settings):
    settings.ACCEPT_TEST_IDENTITY_NUMBERS = False
    with scratch_database():
        assert connections["default"].settings_dict["NAME"].startswith("rehearsal_")
        assert normalise_identity_number(*SYNTHETIC, today=date(2026, 3, 2))
    assert not connections["default"].settings_dict["NAME"].startswith("rehearsal_")
    with pytest.raises(NotAnIdentityNumber, match="test series"):
        normalise_identity_number(*SYNTHETIC, today=date(2026, 3, 2))
