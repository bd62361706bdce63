"""Coming in: by phone and a code, with the same answer to everybody who asks."""

from datetime import datetime

from django.db import transaction
from django.http import HttpRequest

from screening.services import queue_code
from trial.people.errors import WrongCode
from trial.people.identity import NotReadable, normalise_phone, vault
from trial.people.models import Participant, Purpose
from trial.people.services import issue_codes_for_phone, redeem_code_for_phone
from trial.protocol.models import Trial
from trial.protocol.selectors import active_protocol, protocol_of


def readings(raw: str) -> list[str]:
    """The numbers (E.164) that somebody may mean who types this, in the countries of our trials.

    Raises NotReadable when it is a phone number in none of them.
    """
    found, unreadable = [], NotReadable()
    trials = Trial.objects.filter(activations__isnull=False).distinct()
    for country in sorted({active_protocol(trial).country for trial in trials}):
        try:
            found.append(normalise_phone(raw, country))
        except NotReadable as error:
            unreadable = error
    if not found:
        raise unreadable
    return list(dict.fromkeys(found))


@transaction.atomic
def send_codes(*, phones: list[str], language: str, now: datetime) -> None:
    """A code to each of the phones that a participant has; for others nothing happens.

    Where several participants share a phone, each SMS begins with the study number that it is for.
    """
    for phone in phones:
        issued = issue_codes_for_phone(phone=phone, purpose=Purpose.OWN_PAGE, now=now)
        for participant, code in issued:
            queue_code(
                participant=participant,
                code=code,
                language=_language(participant, language),
                now=now,
                addressed=len(issued) > 1,
            )


def whose_code(*, phones: list[str], code: str, now: datetime) -> Participant:
    """The participant whose code it is. Raises WrongCode, for unknown phones too."""
    for phone in phones[:-1]:
        try:
            return redeem_code_for_phone(phone=phone, code=code, purpose=Purpose.OWN_PAGE, now=now)
        except WrongCode:
            continue
    return redeem_code_for_phone(phone=phones[-1], code=code, purpose=Purpose.OWN_PAGE, now=now)


def _language(participant: Participant, language: str) -> str:
    languages = protocol_of(participant.protocol_version).languages
    return language if language in languages else participant.language


def keep(request: HttpRequest, key: str, phones: list[str]) -> None:
    """Hold phones in the session between two pages, sealed like every other identity."""
    request.session[key] = vault.seal(" ".join(phones), table="session", row=key, field="phones").hex()


def kept(request: HttpRequest, key: str) -> list[str]:
    """The phones held; none where the session is new."""
    blob = request.session.get(key)
    return vault.open_(bytes.fromhex(blob), table="session", row=key, field="phones").split() if blob else []
