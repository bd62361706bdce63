"""A history speaks the reader's language: names of things and fields, and what was written into them."""

import pytest
from django.apps import apps
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils.translation import gettext, override

from tests.check_translations import LANGUAGES, texts
from tests.factories import make_screened_participant, make_trial, make_user
from trial.audit.history import entries
from trial.audit.models import AuditEvent
from trial.audit.tables import watched
from trial.core.models import Model
from trial.office.answers import AnswersInWords
from trial.questionnaires.models import Answer, ResponseSet


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_thing_and_field_of_ours_that_the_trail_watches_has_a_name(language):
    own = texts(settings.BASE_DIR / "locale" / language / "LC_MESSAGES" / "django.po")
    tables = {one.table for one in watched()}
    missing = []
    for model in apps.get_models():
        if issubclass(model, Model) and model._meta.db_table in tables:
            fields = [field for field in model._meta.concrete_fields if not field.primary_key]
            names = {str(model._meta.verbose_name), *(str(field.verbose_name) for field in fields)}
            with override(language):
                missing += [name for name in names if not own.get((None, name)) and gettext(name) == name]
    assert set(missing) <= {"SHA-256"}


@pytest.fixture
def trial(db):
    return make_trial()


@pytest.fixture
def changes(trial):
    """What a manager who reads in a language finds in a participant's history, as (field, old, new)."""
    reader = Client()
    reader.force_login(make_user("trial_manager", trial=trial))

    def read(participant, language):
        reader.cookies[settings.LANGUAGE_COOKIE_NAME] = language
        page = reader.get(reverse("admin:people_participant_history", args=[participant.pk]))
        return {
            (change.field, change.old, change.new)
            for entry in page.context["entries"]
            for change in entry.changes
        }

    return read


def test_answers_are_said_as_their_questionnaire_words_them(trial, changes):
    participant = make_screened_participant(trial)
    assert {
        ("spørsmål", "", "Jeg har vært rolig"),
        ("svar", "", "Noen ganger"),
        ("svar", "", "Ja"),
        ("svar", "", "37,5 timer"),
        ("språk", "", "Norsk bokmål"),
    } <= changes(participant, "nb")
    assert {("question", "", "I have been calm"), ("answer", "", "37.5 hours")} <= changes(participant, "en")


def test_an_answer_that_was_changed_says_both_in_words(trial, changes):
    participant = make_screened_participant(trial)
    Answer.objects.filter(item="calm").update(value="always")
    assert ("svar", "Noen ganger", "Alltid") in changes(participant, "nb")


def test_an_answer_that_was_taken_back_is_still_said_in_words(trial):
    make_screened_participant(trial)
    Answer.objects.filter(item="hours_a_week").delete()
    monitor = Client()
    monitor.force_login(make_user("monitor"))
    event = AuditEvent.objects.get(table_name="questionnaires_answer", action="D")
    page = monitor.get(reverse("admin:audit_auditevent_change", args=[event.pk]))
    assert "37.5 hours" in {change.old for change in page.context["entries"][0].changes}


def test_an_answer_whose_questionnaire_is_gone_keeps_its_stored_value(trial):
    make_screened_participant(trial)
    Answer.objects.all().delete()
    ResponseSet.objects.all().delete()
    events = AuditEvent.objects.filter(table_name="questionnaires_answer", action="D")
    assert {"calm", "sometimes", "yes"} <= {
        change.old for entry in entries(events, AnswersInWords(events)) for change in entry.changes
    }


def test_decisions_and_statuses_are_said_in_the_readers_language(trial, changes):
    found = changes(make_screened_participant(trial), "sv")
    assert ("sa ja", "", "ja") in found
    assert ("status", "", "Registrerad") in found
    assert not {name for name, _, _ in found if name.endswith(" at")}
