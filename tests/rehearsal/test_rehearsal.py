from datetime import date
from pathlib import Path

import pytest

from trial.protocol.reading import read_sources
from trial.rehearsal.services import rehearse

TINY = Path(__file__).parents[1] / "protocols" / "tiny.toml"


@pytest.fixture
def story(transactional_db, settings, tmp_path):
    settings.EXPORT_DIR = tmp_path
    return rehearse(sources=read_sources(TINY), participants=12, weeks=4, seed=1, first_day=date(2025, 1, 6))


def test_everybody_who_was_wanted_is_randomized(story):
    assert story.consort["consented"] == 12
    assert story.participants <= 12
