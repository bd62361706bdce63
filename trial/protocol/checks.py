"""Checks of a protocol file."""

from trial.protocol.reading import Sources, Study, study_from


def check(sources: Sources) -> Study:
    return study_from(sources)
