import psutil

from trial.config.embedded import running_redis


def test_a_broker_that_a_killed_starter_left_is_ended_by_the_next_start(tmp_path):
    with running_redis(tmp_path):
        left = psutil.Process(int((tmp_path / "pid").read_text()))
        with running_redis(tmp_path) as address:
            assert address.startswith("redis://127.0.0.1:")
            assert not left.is_running() or left.status() == psutil.STATUS_ZOMBIE
