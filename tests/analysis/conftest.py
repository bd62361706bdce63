from datetime import timedelta
from decimal import Decimal

import pytest

from followup.services.answers import record_web_answer
from followup.services.plans import make_plans
from followup.services.prompts import turn_due_occasions
from randomization.services import allocate
from tests.factories import (
    NOW,
    make_screened_participant,
    make_trial,
    make_user,
    make_verified_participant,
    seal,
)
from trial.core import chance

LATER = NOW + timedelta(days=44)
"""Week 4 is over: all four questions have been asked and closed."""


@pytest.fixture(autouse=True)
def exports(settings, tmp_path):
    """Snapshots of this test lie here."""
    settings.EXPORT_DIR = tmp_path / "exports"
    return settings.EXPORT_DIR


@pytest.fixture
def trial(db):
    """Recruiting, with a sealed list on which six participants do not all come into one arm."""
    trial = make_trial()
    with chance.seeded(1):
        seal(trial)
    return trial


@pytest.fixture
def participants(trial):
    """Six randomized and followed for their four weeks, who answered 0 days in weeks 2 to 4; one only
    screened."""
    coordinator = make_user("coordinator", trial=trial)
    followed = [
        make_verified_participant(trial, site, complaint=complaint, by=coordinator)
        for site in trial.sites.order_by("key")
        for complaint in ("pain", "mind", "pain")
    ]
    for participant in followed:
        allocate(participant=participant, by=coordinator, now=NOW)
    make_screened_participant(trial)
    make_plans(now=NOW)
    for week in range(1, 5):
        asked = NOW + timedelta(days=7 + 7 * week, hours=1)
        turn_due_occasions(now=asked)
        for participant in followed[: 7 - week]:
            days = Decimal("2.5") if week == 1 else Decimal(0)
            record_web_answer(participant=participant, week=week, days=days, now=asked)
    return followed


@pytest.fixture
def researcher(trial):
    return make_user("researcher", trial=trial)
