"""Whoever waits for a code is not kept waiting, and a broker that is gone keeps nobody waiting either."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from celery import Celery, current_app
from redis import Redis

from screening.services import queue_code
from tests.factories import NOW, make_participant, make_trial
from trial.config.celery import app
from trial.messaging.models import Message, State
from trial.messaging.services.wake import send_wake_up

QUEUE = "celery"


@pytest.fixture
def broker(redis_url):
    with closing(Redis.from_url(redis_url)) as redis:
        redis.delete(QUEUE)
        yield redis
        redis.delete(QUEUE)


def woken(broker, seconds):
    """How many wake-ups came in so many seconds, or as soon as there is one."""
    ends = time.monotonic() + seconds
    while not broker.llen(QUEUE) and time.monotonic() < ends:
        time.sleep(0.02)
    return broker.llen(QUEUE)


@pytest.fixture
def participant(db):
    return make_participant(make_trial())


def test_a_code_wakes_the_sweep_once_it_is_committed(participant, broker, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as callbacks:
        queue_code(participant=participant, code="123456", language="nb", now=NOW)
    assert woken(broker, 0.3) == 0
    for callback in callbacks:
        callback()
    assert woken(broker, 10) == 1


def test_a_wake_up_names_the_sweep_and_nobody(broker):
    send_wake_up(app)
    (waiting,) = broker.lrange(QUEUE, 0, -1)
    assert b"trial.messaging.tasks.dispatch" in waiting
    assert b'"argsrepr": "()"' in waiting


def test_every_thread_speaks_to_our_broker():
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: current_app.main).result() == "tilbake"


@pytest.fixture(params=["gone", "silent"])
def bad_broker(request):
    """The address of one that refuses connections, and of one that never answers."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        if request.param == "gone":
            server.close()
        yield f"redis://127.0.0.1:{port}/0"


def test_a_broker_that_is_gone_fails_nothing_and_is_soon_given_up(bad_broker, caplog):
    began = time.monotonic()
    with Celery(broker=bad_broker, set_as_current=False) as lost:
        send_wake_up(lost)
    assert time.monotonic() - began < 5
    assert "No worker was woken" in caplog.text


def test_a_code_is_queued_though_the_broker_is_gone(
    participant, bad_broker, monkeypatch, django_capture_on_commit_callbacks
):
    monkeypatch.setattr(app.conf, "broker_url", bad_broker)
    began = time.monotonic()
    with django_capture_on_commit_callbacks(execute=True):
        queue_code(participant=participant, code="123456", language="nb", now=NOW)
    assert time.monotonic() - began < 1
    assert Message.objects.get(participant=participant).state == State.QUEUED
