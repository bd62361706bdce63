from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import JSONField, Value

from tests.factories import NOW, lock_data, make_participant, make_trial
from trial.audit.context import acting
from trial.audit.models import AuditEvent
from trial.protocol.errors import DataLocked
from trial.questionnaires import selectors
from trial.questionnaires.errors import AlreadySubmitted, Unanswered
from trial.questionnaires.models import Answer, ResponseSet
from trial.questionnaires.services import save_answers, submit

LATER = NOW + timedelta(minutes=5)
WELLBEING = {"calm": "always", "tired": "never", "pain_now": 2}
BACKGROUND = {"has_employer": True, "hours_a_week": 37.5}


@pytest.fixture
def participant(db):
    return make_participant(make_trial())


def save(participant, answers, *, occasion="baseline", asked=None, now=NOW):
    save_answers(
        participant=participant,
        occasion=occasion,
        answers=answers,
        asked=asked,
        language="nb",
        now=now,
    )


def send_in(participant, occasion="baseline", now=NOW):
    submit(participant=participant, occasion=occasion, language="nb", now=now)


def test_answers_are_saved_as_one_goes(participant):
    save(participant, {"calm": "always", "tired": "never"})
    save(participant, {"pain_now": 2})
    assert selectors.answers_of(participant, "baseline") == WELLBEING
    assert not selectors.is_submitted(participant, "baseline")


def test_saving_again_replaces_the_answer_and_its_time(participant):
    save(participant, {"calm": "always"})
    save(participant, {"calm": "never"}, now=LATER)
    answer = Answer.objects.get()
    assert (answer.value, answer.answered_at) == ("never", LATER)


def test_an_answer_that_was_taken_back_is_gone(participant):
    save(participant, {"tried": ["rest"], "remarks": "Hei"})
    save(participant, {"tried": ["rest"]}, asked=("tried", "remarks"))
    assert selectors.answers_of(participant, "baseline") == {"tried": ["rest"]}


def test_an_item_that_is_not_asked_at_this_occasion_is_refused(participant):
    with pytest.raises(KeyError):
        save(participant, {"has_employer": True}, occasion="week2")
    assert not ResponseSet.objects.exists()


def test_answers_to_several_instruments_are_saved_at_once(participant):
    save(participant, WELLBEING | BACKGROUND)
    saved = Answer.objects.values_list("response_set__instrument", "item")
    assert set(saved) == {
        *(("wellbeing", item) for item in WELLBEING),
        *(("background", item) for item in BACKGROUND),
    }


def test_the_trail_shows_a_response_once_however_often_its_answers_are_saved(participant):
    save(participant, {"calm": "always"})
    save(participant, {"tired": "never"}, now=LATER)
    trail = AuditEvent.objects.filter(table_name=ResponseSet._meta.db_table)
    assert [event.action for event in trail] == ["I"]


def test_false_and_zero_are_answers(participant):
    save(participant, {"pain_now": 0})
    save(participant, {"has_employer": False})
    assert selectors.answers_of(participant, "baseline") == {"pain_now": 0, "has_employer": False}


def test_sending_in_locks_all_instruments_of_the_occasion(participant):
    save(participant, WELLBEING)
    save(participant, BACKGROUND)
    send_in(participant, now=LATER)
    assert selectors.submitted_at(participant, "baseline") == LATER
    with pytest.raises(AlreadySubmitted):
        save(participant, {"calm": "never"})
    assert selectors.answers_of(participant, "baseline") == {**WELLBEING, **BACKGROUND}


def test_sending_in_twice_keeps_the_first_time(participant):
    save(participant, WELLBEING)
    save(participant, BACKGROUND)
    send_in(participant)
    send_in(participant, now=LATER)
    assert selectors.submitted_at(participant, "baseline") == NOW


def test_sending_in_with_an_open_question_names_it_and_locks_nothing(participant):
    save(participant, WELLBEING)
    save(participant, {"has_employer": True})
    with pytest.raises(Unanswered) as refused:
        send_in(participant)
    assert [item.key for item in refused.value.items] == ["hours_a_week"]
    assert not ResponseSet.objects.filter(submitted_at__isnull=False).exists()


def test_an_answer_that_became_superfluous_is_dropped_when_sent_in(participant):
    save(participant, WELLBEING)
    save(participant, BACKGROUND)
    save(participant, {"has_employer": False})
    send_in(participant)
    assert "hours_a_week" not in selectors.answers_of(participant, "baseline")


def test_the_same_instrument_at_another_occasion_is_another_response(participant):
    save(participant, WELLBEING)
    save(participant, {**WELLBEING, "pain_now": 9}, occasion="week2")
    send_in(participant, "week2")
    assert selectors.answers_of(participant, "baseline")["pain_now"] == 2
    assert selectors.is_submitted(participant, "week2")
    assert not selectors.is_submitted(participant, "baseline")


def test_what_the_protocol_may_ask_of_the_baseline_includes_scores(participant):
    save(participant, WELLBEING)
    known = selectors.known_answers(participant)
    assert known == {**WELLBEING, "wellbeing_total": 2 + 2 + 8}


def test_a_score_that_cannot_be_told_is_none(participant):
    save(participant, {"calm": "always"})
    assert selectors.results_of(participant, "baseline") == {"wellbeing_total": None}


def test_the_database_keeps_one_response_per_occasion_and_one_answer_per_item(participant):
    save(participant, {"calm": "always"})
    response_set = ResponseSet.objects.get()
    with pytest.raises(IntegrityError, match="response_set_once_per_occasion"), transaction.atomic():
        ResponseSet.objects.create(
            participant=participant,
            protocol_version=participant.protocol_version,
            instrument="wellbeing",
            occasion="baseline",
            language="nb",
            started_at=NOW,
        )
    with pytest.raises(IntegrityError, match="answer_once_per_item"), transaction.atomic():
        Answer.objects.create(response_set=response_set, item="calm", value="never", answered_at=NOW)
    with pytest.raises(IntegrityError, match="answer_not_null"), transaction.atomic():
        Answer.objects.create(
            response_set=response_set, item="tired", value=Value(None, JSONField()), answered_at=NOW
        )


@pytest.mark.django_db(transaction=True)
def test_many_tabs_at_once_make_one_response():
    participant = make_participant(make_trial())

    def tab(number):
        try:
            with acting("system:test"):
                save(participant, {"calm": "always", "pain_now": number % 11})
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(tab, range(24)))
    assert ResponseSet.objects.count() == 1
    assert Answer.objects.count() == 2


def test_nothing_is_saved_or_sent_in_after_the_data_lock(participant):
    save(participant, WELLBEING)
    save(participant, BACKGROUND)
    lock_data(participant.trial)
    with pytest.raises(DataLocked):
        save(participant, {"calm": "never"})
    with pytest.raises(DataLocked):
        send_in(participant)
    assert selectors.answers_of(participant, "baseline")["calm"] == "always"


@pytest.mark.django_db(transaction=True)
def test_whoever_locks_the_data_waits_for_the_answers_that_are_being_saved():
    participant = make_participant(make_trial())

    def lock():
        try:
            with acting("system:test"):
                lock_data(participant.trial)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            save(participant, WELLBEING)
            locking = other.submit(lock)
            with pytest.raises(TimeoutError):
                locking.result(timeout=0.3)
        locking.result()
    with pytest.raises(DataLocked):
        save(participant, {"calm": "never"})


@pytest.mark.django_db(transaction=True)
def test_answers_that_waited_for_the_data_lock_are_refused():
    participant = make_participant(make_trial())

    def answer():
        try:
            with acting("system:test"):
                save(participant, WELLBEING)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            lock_data(participant.trial)
            saving = other.submit(answer)
            with pytest.raises(TimeoutError):
                saving.result(timeout=0.3)
        with pytest.raises(DataLocked):
            saving.result()
    assert not Answer.objects.exists()
