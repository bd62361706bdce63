"""A simulated person finds the study, and goes through the public pages' services."""

from datetime import datetime

from screening.document import consent_document
from screening.models import Attempt
from screening.services import (
    answer_page,
    begin,
    confirm_phone,
    decide,
    give_consent,
    register,
    submit_baseline,
)
from trial.people.models import Participant, Site
from trial.people.services import Contact
from trial.protocol.models import Trial
from trial.protocol.reading import Study
from trial.protocol.schema import BASELINE, Protocol
from trial.questionnaires.services import save_answers, submit
from trial.rehearsal import answers
from trial.rehearsal.person import Person

POSTAL_CODES = {"NO": "7030", "SE": "22100"}


def arrive(person: Person, *, trial: Trial, study: Study, site: Site, now: datetime) -> Participant | None:
    """The person as a participant with a finished baseline; None who does not fit or gives up."""
    attempt = begin(trial=trial, language=person.language, now=now, site=site)
    attempt = _answer(attempt, person, study.protocol, now)
    if attempt.outcome != Attempt.Outcome.ELIGIBLE or person.gives_up:
        return None
    document = consent_document(study.protocol, person.language)
    give_consent(
        attempt=attempt,
        language=person.language,
        shown=document.sha256,
        ticks={tick.key: tick.required or person.agrees() for tick in study.protocol.consent.ticks},
        name=person.name,
        now=now,
    )
    contact = _contact(person, study.protocol)
    registration = register(attempt=attempt, site=site, contact=contact, now=now)
    if not registration.new:  # chance drew the identity number of somebody who takes part already
        return None
    participant = registration.participant
    confirm_phone(participant=participant, now=now)
    fill_in(participant, BASELINE, person, study, now)
    submit_baseline(participant=participant, now=now)
    return participant


def _answer(attempt: Attempt, person: Person, protocol: Protocol, now: datetime) -> Attempt:
    items = protocol.eligibility.items
    if person.fits:
        given = answers.fitting(protocol, person.chance, now.date())
    else:
        given = answers.fill(items, person.chance, now.date(), {})
    for page in protocol.eligibility.pages:
        on_page = {item.key: given[item.key] for item in page.items if item.key in given}
        attempt = answer_page(attempt=attempt, answers=on_page, now=now)
    return decide(attempt=attempt, now=now)


def _contact(person: Person, protocol: Protocol) -> Contact:
    details = protocol.contact_details
    return Contact(
        name=person.name,
        phone=person.phone,
        email=f"person{person.number}@example.org" if details.email == "required" else "",
        postal_code=POSTAL_CODES[protocol.country] if details.postal_code != "none" else "",
        identity_number=person.identity_number,
    )


def fill_in(participant: Participant, occasion: str, person: Person, study: Study, now: datetime) -> None:
    """Answer every instrument of an occasion and hand it in."""
    for instrument in study.instruments_at(occasion):
        given = answers.fill(instrument.items, person.chance, now.date(), {})
        save_answers(
            participant=participant,
            occasion=occasion,
            instrument=instrument.key,
            answers=given,
            language=person.language,
            now=now,
        )
    submit(participant=participant, occasion=occasion, language=person.language, now=now)
