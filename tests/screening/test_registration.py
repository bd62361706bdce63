"""Consent, and a visitor becomes a participant: once."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from screening import services
from screening.document import consent_document
from screening.errors import AlreadyDecided, ConsentMissing, NotEligible, SiteNotOpen, TextChanged
from screening.models import Attempt, Consent
from screening.selectors import consent_of, document_of, screening_answers, tick, ticked
from tests.factories import NOW, make_trial
from tests.screening.conftest import CONTACT, FITTING, consent, fit
from tests.together import at_once
from trial.audit.context import acting
from trial.messaging.models import Message
from trial.people.identity import NotReadable, vault
from trial.people.models import Participant, Purpose, Status
from trial.people.services import add_status
from trial.protocol.selectors import active_protocol


def register(attempt, site, **changes):
    return services.register(attempt=attempt, site=site, contact=replace(CONTACT, **changes), now=NOW)


def test_consent_keeps_what_was_read_and_agreed_to(fitting):
    given = consent(fitting, ticks={"sms": True, "registers": False})

    assert (given.version, given.language, given.given_at) == ("1", "nb", NOW)
    assert given.text_sha256 == document_of(given).sha256
    assert list(given.ticks.values_list("key", "given")) == [("sms", True), ("registers", False)]


def test_the_hash_is_over_every_word_that_is_shown(trial):
    document = consent_document(active_protocol(trial), "nb")

    for change in (
        {"title": "Annen tittel"},
        {"text": document.text + " Mer."},
        {"version": "2"},
        {"language": "nn"},
        {"ticks": document.ticks[:1]},
    ):
        assert replace(document, **change).sha256 != document.sha256


def test_the_name_that_signs_is_sealed(fitting):
    given = consent(fitting, name="Kari Eksempel")

    given.refresh_from_db()
    assert b"Kari" not in bytes(given.name)
    assert vault.open_of(given, "name") == "Kari Eksempel"


def test_a_required_tick_is_required(fitting):
    with pytest.raises(ConsentMissing):
        consent(fitting, ticks={"registers": True})


def test_a_text_that_was_not_read_is_not_agreed_to(fitting):
    with pytest.raises(TextChanged):
        services.give_consent(
            attempt=fitting, language="en", shown="0" * 64, ticks={"sms": True}, name="Kari", now=NOW
        )


def test_nobody_consents_before_it_is_known_that_they_fit(attempt):
    with pytest.raises(NotEligible):
        consent(attempt)


def test_consent_given_again_before_registration_counts_instead(fitting):
    consent(fitting, ticks={"sms": True, "registers": True})
    consent(fitting, ticks={"sms": True, "registers": False})

    assert Consent.objects.count() == 1
    assert not Consent.objects.get().ticks.get(key="registers").given


def test_registration_joins_identity_consent_and_answers(consented, site):
    registration = register(consented, site)

    participant = registration.participant
    assert registration.new
    assert participant.language == "nb"
    assert consent_of(participant).text_sha256
    assert tick(participant, "sms")
    assert not tick(participant, "registers")
    assert screening_answers(participant) == FITTING
    assert vault.open_of(participant.identity, "name") == "Kari Eksempel"


def test_ticks_of_many_are_found_at_once(participant):
    assert ticked([participant.pk], "sms") == {participant.pk}
    assert ticked([participant.pk], "registers") == set()


def test_nobody_is_registered_without_consent(fitting, site):
    with pytest.raises(ConsentMissing):
        register(fitting, site)


def test_nobody_is_registered_at_a_closed_site(consented, site):
    site.closed_at = NOW
    site.save()

    with pytest.raises(SiteNotOpen):
        register(consented, site)


def test_nobody_is_registered_at_another_trials_site(consented):
    other = make_trial("other").sites.get(key="north")

    with pytest.raises(SiteNotOpen):
        register(consented, other)


def test_a_phone_that_cannot_be_read_leaves_everything_as_it_was(consented, site):
    with pytest.raises(NotReadable):
        register(consented, site, phone="12")

    assert not Participant.objects.exists()
    assert Consent.objects.get().participant is None


def test_a_second_submit_shows_the_first_participant(consented, site):
    first, second = register(consented, site), register(consented, site)

    assert first.participant == second.participant
    assert Participant.objects.count() == 1


def test_the_same_person_from_another_device_stays_one_participant(trial, participant, site):
    again = fit(services.begin(trial=trial, language="nb", now=NOW))
    consent(again, name="kari  eksempel")
    registration = register(again, site)

    assert registration.participant == participant
    assert not registration.new
    again.refresh_from_db()
    assert (again.outcome, again.answers) == (Attempt.Outcome.ALREADY_IN, {})
    assert not Consent.objects.filter(attempt=again).exists()
    with pytest.raises(AlreadyDecided):
        register(again, site)


def test_somebody_else_on_the_same_phone_is_another_participant(trial, participant, site):
    other = fit(services.begin(trial=trial, language="nb", now=NOW))
    consent(other, name="Ola Eksempel")

    assert register(other, site).participant != participant


def test_one_code_is_enough_for_one_form_however_often_it_is_sent(participant):
    for _click in range(3):
        services.send_code(
            participant=participant, purpose=Purpose.OWN_PAGE, language="nb", now=NOW, once="form"
        )

    assert Message.objects.filter(kind="code").count() == 1


def test_a_mistyped_number_is_corrected_until_a_code_came_back(consented, participant):
    services.correct_phone(attempt=consented, phone="+4768050002", now=NOW)
    participant.identity.refresh_from_db()
    assert vault.open_of(participant.identity, "phone") == "+4768050002"

    services.confirm_phone(participant=participant, now=NOW)
    services.correct_phone(attempt=consented, phone="+4768050003", now=NOW)
    participant.identity.refresh_from_db()
    assert vault.open_of(participant.identity, "phone") == "+4768050002"


def test_the_signature_goes_with_withdrawn_data(participant):
    add_status(participant=participant, name=Status.WITHDRAWN_DATA, by=None, now=NOW + timedelta(days=1))
    services.forget(now=NOW + timedelta(days=2))

    given = consent_of(participant)
    assert given.name is None
    assert given.text_sha256


@pytest.mark.django_db(transaction=True)
def test_one_person_in_ten_tabs_at_once_is_one_participant():
    trial = make_trial()
    site = trial.sites.get(key="north")
    attempts = [fit(services.begin(trial=trial, language="nb", now=NOW)) for _tab in range(10)]
    for attempt in attempts:
        consent(attempt)

    def submit(attempt):
        with acting("public"):
            return register(attempt, site)

    registrations = at_once([partial(submit, attempt) for attempt in attempts])

    assert sum(registration.new for registration in registrations) == 1
    assert len({registration.participant.pk for registration in registrations}) == 1
    assert Participant.objects.count() == 1
