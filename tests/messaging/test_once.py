"""Each message once: with many workers, killed workers, lost answers, and servers that come back."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from celery import Celery
from django.db import connection

from tests.factories import NOW
from tests.messaging.simulated import running
from tests.messaging.worker import plan_texts, settle_at
from trial.audit.context import acting
from trial.config.embedded import APPLICATION, OWNER, free_port, running_redis, start_postgres
from trial.messaging.models import Message, State
from trial.messaging.selectors import unaccounted
from trial.messaging.services import dispatch_due
from trial.protocol.models import Trial

MANY = int(os.environ.get("HEAVY_MESSAGES", "100000"))
KILLS = int(os.environ.get("HEAVY_KILLS", "50"))


def assert_each_once(simulator, number):
    assert simulator.bodies() == {f"text {n}": 1 for n in range(number)}


def assert_all_accounted(number):
    assert not unaccounted(Trial.objects.get(), NOW + timedelta(days=1)).exists()
    assert Message.objects.filter(state=State.SENT).values("provider_id").distinct().count() == number


def at_once(workers, work):
    """Run `work` in so many threads, each with a connection of its own."""

    def one():
        with acting("system:test"):
            try:
                work()
            finally:
                connection.close()

    threads = [threading.Thread(target=one) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.django_db(transaction=True)
def test_eight_workers_sweep_the_same_messages_and_each_is_sent_once(simulator, gateway):
    plan_texts(160, due_at=NOW)
    at_once(8, lambda: dispatch_due(gateway=gateway, now=NOW, batch=7))
    assert_each_once(simulator, 160)
    assert_all_accounted(160)


@pytest.mark.django_db(transaction=True)
def test_lost_answers_lead_to_no_second_send(simulator, gateway):
    plan_texts(200, due_at=NOW)
    simulator.misbehave(lose_answer=0.05, fail_after=0.02, fail_before=0.02, seed=7)
    dispatch_due(gateway=gateway, now=NOW)
    settle_at(NOW)
    assert_each_once(simulator, 200)
    assert_all_accounted(200)


def worker(*arguments, **environment):
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tests.messaging.worker", *arguments],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", **environment},
    )


def kill_in_mid_send(simulator, eventually, goal):
    """Start a worker and kill it without warning when the provider has so many messages."""
    process = worker("sweep", NOW.isoformat(), TWILIO_API_BASE_URL=simulator.url)
    eventually(lambda: simulator.accepted() >= goal or process.poll() is not None, 170)
    process.kill()
    process.wait()


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_in_mid_send_loses_nothing_and_repeats_nothing(simulator, eventually):
    plan_texts(80, due_at=NOW)
    simulator.misbehave(delay=0.1, lose_answer=0.05)
    kill_in_mid_send(simulator, eventually, 10)
    assert Message.objects.filter(state=State.IN_FLIGHT).exists()
    simulator.misbehave()
    settle_at(NOW)
    assert_each_once(simulator, 80)
    assert_all_accounted(80)


@pytest.mark.heavy
@pytest.mark.timeout(3600)
@pytest.mark.django_db(transaction=True)
def test_many_killed_workers_lose_nothing_and_repeat_nothing(simulator, eventually):
    plan_texts(MANY, due_at=NOW)
    # Nobody hears the callbacks: trying again and again to make 300,000 would be most of the work.
    simulator.misbehave(lose_answer=0.05, callbacks=False)
    for kill in range(KILLS):
        kill_in_mid_send(simulator, eventually, (kill + 1) * MANY // (2 * KILLS))
    settle_at(NOW)
    assert_each_once(simulator, MANY)
    assert_all_accounted(MANY)


@pytest.mark.timeout(240)
def test_redis_and_postgresql_go_down_and_come_back_and_each_message_is_sent_once(eventually):
    with ExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory()))  # open to the server's own user
        simulator = stack.enter_context(running(directory / "simulator"))
        postgres = start_postgres(directory / "postgres")
        stack.callback(postgres.server.cleanup)
        postgres.ensure_database("tilbake")
        port = free_port()
        broker = stack.enter_context(ExitStack())
        environment = {
            "DATABASE_URL": postgres.url("tilbake", APPLICATION),
            "OWNER_DATABASE_URL": postgres.url("tilbake", OWNER),
            "REDIS_URL": broker.enter_context(running_redis(directory / "redis", port)),
            "TWILIO_API_BASE_URL": simulator.url,
            "PUBLIC_BASE_URL": "http://127.0.0.1:9",
        }
        settings = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", **environment}
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], env=settings, check=True)
        assert worker("plan", "140", **environment).wait() == 0
        simulator.misbehave(delay=0.1)
        celery = celery_worker(settings)
        stack.callback(celery.wait)
        stack.callback(celery.kill)
        wake(environment["REDIS_URL"])
        eventually(lambda: simulator.accepted() >= 20, 60)

        broker.close()
        os.kill(postgres.server.get_pid(), signal.SIGQUIT)  # at once, as in a crash
        eventually(lambda: not postgres.server.get_postmaster_info().is_running())
        postgres.server.ensure_postgres_running()
        broker.enter_context(running_redis(directory / "redis", port))
        goal = simulator.accepted() + 20
        eventually(lambda: wake(environment["REDIS_URL"]) or simulator.accepted() >= goal, 60)
        celery.terminate()
        celery.wait()

        assert worker("settle", **environment).wait() == 0
        assert_each_once(simulator, 140)


def celery_worker(environment):
    command = ["-m", "celery", "--app", "trial.config", "worker", "--pool", "solo", "--loglevel", "CRITICAL"]
    return subprocess.Popen([sys.executable, *command], env=environment)


def wake(broker):
    """What beat does."""
    with Celery(broker=broker) as app:
        app.send_task("trial.messaging.tasks.dispatch")
        time.sleep(1)
