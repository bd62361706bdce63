import os
from threading import Timer

import psycopg
import pytest
from django.db import connections
from psycopg.conninfo import make_conninfo

from trial.rehearsal.scratch import _as_owner, _drop


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
