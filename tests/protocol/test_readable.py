"""A part that cannot be read hides what depends on it, and makes nothing else look wrong."""

import tomllib
from copy import deepcopy

import pytest

from tests.factories import TINY
from trial.protocol.checks.readable import readable, unreadable, up_to_a_hole
from trial.protocol.checks.run import CHECKS
from trial.protocol.reading import Study, read_sources, study_from
from trial.protocol.schema import Instrument, Protocol, Weekly

SOURCES = read_sources(TINY)
STUDY = study_from(SOURCES)


def places(value, path=()):
    """The path of every key in a file, in the first part of each list."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for inner in value[:1]:
            yield from places(inner, (*path, 0))


def broken(data, path):
    data = deepcopy(data)
    around = data
    for part in path[:-1]:
        around = around[part]
    around[path[-1]] = object()
    return data


def mistakes(study):
    return [str(problem) for check in CHECKS for problem in check(study) if not problem.note]


def test_no_part_of_a_protocol_makes_another_look_wrong_when_it_cannot_be_read():
    data = tomllib.loads(SOURCES.protocol)
    for path in places(data):
        study = Study(readable(Protocol, broken(data, path)), STUDY.instruments)
        assert mistakes(study) == [], path


@pytest.mark.parametrize("key", SOURCES.instruments)
def test_no_part_of_an_instrument_makes_another_look_wrong_when_it_cannot_be_read(key):
    data = tomllib.loads(SOURCES.instruments[key])
    for path in places(data):
        instrument = readable(Instrument, broken(data, path))
        assert mistakes(Study(STUDY.protocol, {**STUDY.instruments, key: instrument})) == [], path


def test_what_can_be_read_is_what_it_would_be_in_a_file_without_mistakes():
    data = tomllib.loads(SOURCES.protocol)
    assert readable(Protocol, data) == STUDY.protocol
    part = readable(Protocol, broken(data, ("arms", 0, "name")))
    assert part.arms[1] == STUDY.protocol.arms[1]
    assert part.arms[0].key == "talk"
    assert not hasattr(part.arms[0], "name")


def test_a_value_out_of_bounds_is_a_hole_like_one_of_the_wrong_kind():
    weekly = readable(Weekly, {"weeks": 0, "weekday": "monday", "reminder_after_hours": "soon"})
    assert weekly.weekday == "monday"
    assert not hasattr(weekly, "weeks")
    assert not hasattr(weekly, "reminder_after_hours")


def test_a_check_ends_at_a_hole_and_only_there():
    @up_to_a_hole
    def check(part, name):
        yield "before"
        yield getattr(part, name)

    assert list(check(unreadable(Weekly), "weeks")) == ["before"]
    with pytest.raises(AttributeError):
        list(check(unreadable(Weekly), "no_such_key"))
