"""Simulated people find the study, and go through the public pages' services."""

from datetime import datetime
from itertools import islice
from random import Random
from typing import Any

from screening.document import consent_document
from screening.models import Attempt
from screening.selectors import screening_answers
from screening.services import (
    answer_page,
    begin,
    confirm_phone,
    decide,
    give_consent,
    register,
    submit_baseline,
)
from trial.audit.context import acting
from trial.core import chance as drawn
from trial.people.models import Participant, Site
from trial.people.services import Contact
from trial.protocol.models import Trial
from trial.protocol.reading import Study
from trial.protocol.schema import BASELINE, Protocol
from trial.protocol.selectors import active_study
from trial.questionnaires.services import save_answers, submit
from trial.rehearsal import answers, identities
from trial.rehearsal.person import AGREES, Person, person_of
from trial.rehearsal.visitors import PROCESSES, Arrived, Visit

ACTOR = "system:rehearsal"
POSTAL_CODES = {"NO": "7030", "SE": "22100"}


class Public:
    """Those who use one trial's public pages through one of the processes, one after the other."""

    def __init__(self, *, trial: int, seed: int, place: int) -> None:
        self.trial, self.seed, self.place = Trial.objects.get(pk=trial), seed, place
        self.study = active_study(self.trial)
        self.sites = list(Site.objects.filter(trial=trial).order_by("key"))
        phones = enumerate(identities.phones(self.study.protocol.country), start=1)
        self.phones = islice(phones, place, None, PROCESSES)
        self.chance = Random(f"{seed}/sites/{place}")
        self.taking_part = 0

    def come(self, until: int, now: datetime) -> list[Arrived]:
        """People come until so many of those who came here take part."""
        arrived = []
        with acting(ACTOR), drawn.seeded(f"{self.seed}/{self.place}/{self.taking_part}"):
            while self.taking_part < until:
                number, phone = next(self.phones)
                if participant := self._visit(number, phone, now):
                    arrived.append(Arrived(number, phone, participant.pk))
                    self.taking_part += 1
        return arrived

    def fill_in_all(self, visits: list[Visit]) -> None:
        """Participants answer all that is asked at an occasion."""
        participants = (
            Participant.objects.select_related("trial")
            .prefetch_related("protocol_version")
            .in_bulk([visit.participant for visit in visits])
        )
        with acting(ACTOR):
            for visit in visits:
                fill_in(
                    participants[visit.participant],
                    visit.occasion,
                    self.study,
                    chance=Random(f"{self.seed}/{visit.occasion}/{visit.number}"),
                    now=visit.at,
                )

    def _visit(self, number: int, phone: str, now: datetime) -> Participant | None:
        return arrive(
            person_of(self.study.protocol, number=number, phone=phone, seed=self.seed),
            trial=self.trial,
            study=self.study,
            site=self.chance.choice(self.sites),
            chance=Random(f"{self.seed}/arrival/{number}"),
            now=now,
        )


def arrive(
    person: Person, *, trial: Trial, study: Study, site: Site, chance: Random, now: datetime
) -> Participant | None:
    """The person as a participant with a finished baseline; None who does not fit or gives up."""
    attempt = begin(trial=trial, language=person.language, now=now, site=site)
    attempt = _answer(attempt, person, study.protocol, chance, now)
    if attempt.outcome != Attempt.Outcome.ELIGIBLE or person.gives_up:
        return None
    document = consent_document(study.protocol, person.language)
    give_consent(
        attempt=attempt,
        language=person.language,
        shown=document.sha256,
        ticks={tick.key: tick.required or chance.random() < AGREES for tick in study.protocol.consent.ticks},
        name=person.name,
        now=now,
    )
    contact = _contact(person, study.protocol)
    registration = register(attempt=attempt, site=site, contact=contact, now=now)
    if not registration.new:  # chance drew the identity number of somebody who takes part already
        return None
    participant = registration.participant
    confirm_phone(participant=participant, now=now)
    fill_in(participant, BASELINE, study, chance=chance, now=now)
    submit_baseline(participant=participant, now=now)
    return participant


def _answer(attempt: Attempt, person: Person, protocol: Protocol, chance: Random, now: datetime) -> Attempt:
    items = protocol.eligibility.items
    if person.fits:
        given = answers.fitting(protocol, chance, now.date())
    else:
        given = answers.fill(items, chance, now.date(), {})
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


def fill_in(participant: Participant, occasion: str, study: Study, *, chance: Random, now: datetime) -> None:
    """Answer every instrument of an occasion and hand it in."""
    given: dict[str, Any] = {}
    known = screening_answers(participant) if occasion == BASELINE else {}
    for instrument in study.instruments_at(occasion):
        given |= answers.fill(instrument.items, chance, now.date(), known)
    language = participant.language
    save_answers(participant=participant, occasion=occasion, answers=given, language=language, now=now)
    submit(participant=participant, occasion=occasion, language=language, now=now)
