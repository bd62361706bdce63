"""A large trial is exported as lightly as a small one."""

import gc
import tracemalloc
from datetime import timedelta

from analysis.export.dataset import scope_of, tables_of
from analysis.monitoring import Monitoring
from analysis.services import make_snapshot
from tests.analysis.crowd import make_crowd
from tests.factories import NOW, make_trial

A_YEAR_ON = NOW + timedelta(weeks=60)


def peak_of_export(trial) -> int:
    """The most bytes of Python objects that lived while a snapshot was made."""
    gc.collect()
    tracemalloc.start()
    try:
        make_snapshot(trial=trial, by="system:test", now=A_YEAR_ON)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_five_times_the_participants_take_no_more_memory(db):
    small, large = make_trial("small"), make_trial("large")
    make_crowd(small, 100, weeks=4)
    make_crowd(large, 500, weeks=4)
    peak_of_export(small)  # what is imported and cached once is not the export's
    assert peak_of_export(large) < 1.3 * peak_of_export(small)


def test_the_number_of_queries_follows_the_batches_and_not_the_participants(
    db, django_assert_max_num_queries
):
    trial = make_trial()
    make_crowd(trial, 90, weeks=2)
    with django_assert_max_num_queries(60):
        for table in tables_of(scope_of(trial, now=A_YEAR_ON)):
            assert sum(1 for _ in table.rows) in (0, 90, 180, 270)


def test_the_data_room_asks_no_more_about_many_than_about_few(db, django_assert_max_num_queries):
    trial = make_trial()
    make_crowd(trial, 190, weeks=8)
    room = Monitoring(trial, A_YEAR_ON)
    with django_assert_max_num_queries(25):
        assert room.responses
        assert room.recruitment
        assert room.missing
        assert room.flow.completed == 0
