"""The first questionnaire of both trials on a phone, in a real Chromium, by axe's rules."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browsers import PHONE, assert_good, photograph
from tests.factories import NOW
from trial.people.access import SESSION_KEY
from trial.people.services import Contact, put_in_force, register_participant
from trial.protocol.reading import read_sources
from trial.protocol.services import load_protocol
from trial.questionnaires.selectors import known_answers

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


PEOPLE = {
    "workup.toml": Contact(name="Eva Exempel", phone="+46 70 174 06 05", identity_number="811228-9874"),
    "expert-at-work.toml": Contact(
        name="Kari Eksempel", phone="+47 68 05 00 10", identity_number="15438510092", postal_code="7030"
    ),
}
"""Fictional people, with numbers of the test series."""


def participant_of(file, language):
    version = load_protocol(sources=read_sources(Path("protocols") / file), now=NOW)
    put_in_force(version=version, by="system:test", now=NOW)
    return register_participant(
        trial=version.trial,
        site=version.trial.sites.first(),
        language=language,
        protocol_version=version,
        contact=PEOPLE[file],
        now=NOW,
    )


def enter(page, live_server, client, participant):
    """The participant has logged in with a code."""
    session = client.session
    session[SESSION_KEY] = participant.study_id
    session.save()
    page.context.add_cookies([{"name": "sessionid", "value": session.session_key, "url": live_server.url}])


def answer(page):
    """Answer each question of the page: yes or the last choice, and a number within its bounds."""
    for group in page.locator("fieldset").all():
        yes = group.get_by_text("Ja", exact=True)
        (yes if yes.count() else group.locator("label").last).click()
    for field in page.locator("form.tb-form input[inputmode]").all():
        field.fill("50")
    page.locator("form.tb-form button").first.click()


@pytest.mark.parametrize(
    ("file", "language", "scores"),
    [
        ("workup.toml", "sv", {"ompsq_total": 70, "start_back_risk": "high", "pain_mean": 10}),
        ("expert-at-work.toml", "nn", {"hscl10_mean": 4, "gad7_total": 21, "work_ability_points": 10}),
    ],
)
def test_the_first_questionnaire_on_a_phone(live_server, client, open_as, file, language, scores):
    participant = participant_of(file, language)
    page = open_as(viewport=PHONE, language=language)
    enter(page, live_server, client, participant)
    page.goto("/baseline/")
    seen = 0
    while "review" not in page.url:
        assert_good(page)
        if seen in (0, 4):
            photograph(page, f"questionnaire-{language}-{seen}")
        answer(page)
        seen += 1
        assert seen < 30
    assert_good(page)
    photograph(page, f"questionnaire-{language}-review")
    expect(page.locator("form button.ds-button").last).to_be_visible()
    known = known_answers(participant)
    assert {key: known[key] for key in scores} == scores
