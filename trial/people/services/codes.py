"""Codes sent by SMS: short ones to log in with, which live for minutes, and long ones that open a
questionnaire."""

import hashlib
import hmac
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from trial.people.errors import IdentityErased, TooManyCodes, WrongCode
from trial.people.identity import keys
from trial.people.models import AccessCode, IdentityRecord, Participant, Purpose
from trial.people.selectors import participants_by_phone
from trial.people.study_id import ALPHABET, compact

DIGITS = 6
LIVES = timedelta(minutes=10)
TRIES = 5
CODES_PER_PHONE = 5
PHONE_WINDOW = timedelta(hours=1)
LONG_CHARACTERS = 9


@transaction.atomic
def issue_code(*, participant: Participant, purpose: Purpose | str, now: datetime, about: str = "") -> str:
    """Six digits that open one thing, once, within ten minutes.

    `about` narrows it further: a code sent to one new phone number confirms no other. Raises TooManyCodes
    after five codes to the same phone, whosever they were, within an hour.
    """
    record = IdentityRecord.objects.get(participant=participant)
    if record.phone_index is None:
        raise IdentityErased(_("The participant withdrew the data; no code can be sent."))
    family = IdentityRecord.objects.select_for_update().filter(phone_index=record.phone_index).order_by("pk")
    sharing = [one.participant_id for one in family]
    issued = AccessCode.objects.filter(
        participant__in=sharing, issued_at__gt=now - PHONE_WINDOW, expires_at__lte=F("issued_at") + LIVES
    )
    if issued.count() >= CODES_PER_PHONE:
        raise TooManyCodes(
            _("We have sent you five codes in the past hour. Wait an hour, then ask for a new one.")
        )
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
    AccessCode.objects.create(
        participant=participant,
        purpose=purpose,
        code_hash=_short_hash(participant.pk, purpose, now, code, about),
        issued_at=now,
        expires_at=now + LIVES,
    )
    return code


def issue_codes_for_phone(
    *, phone: str, purpose: Purpose | str, now: datetime
) -> list[tuple[Participant, str]]:
    """A code for each participant with this phone (E.164), to be sent to it.

    Empty for a phone that is not known and for one that was sent enough: whoever typed it learns nothing.
    """
    issued = []
    for participant in participants_by_phone(phone).order_by("pk"):
        try:
            issued.append((participant, issue_code(participant=participant, purpose=purpose, now=now)))
        except TooManyCodes:
            break
    return issued


def redeem_code(
    *, participant: Participant, code: str, purpose: Purpose | str, now: datetime, about: str = ""
) -> Participant:
    """The participant, when the code is the right one. Raises WrongCode for any other; the try counts all
    the same."""
    return _redeem(Participant.objects.filter(pk=participant.pk), code, purpose, now, about)


def redeem_code_for_phone(*, phone: str, code: str, purpose: Purpose | str, now: datetime) -> Participant:
    """Whose code it is among the participants with this phone. Raises WrongCode, for an unknown phone too."""
    return _redeem(participants_by_phone(phone), code, purpose, now)


def _redeem(
    candidates: QuerySet[Participant], code: str, purpose: Purpose | str, now: datetime, about: str = ""
) -> Participant:
    digits = "".join(character for character in code if character.isdigit())
    with transaction.atomic():
        matching = _matching(candidates, digits, purpose, now, about)
        if matching is not None:
            matching.used_at = now
            matching.save(update_fields=["used_at"])
    # Raised outside the transaction, so that the counted tries stay.
    if matching is None:
        raise WrongCode(_("The code is not right, or it is too old. Check it, or ask for a new one."))
    return matching.participant


def _matching(
    candidates: QuerySet[Participant], digits: str, purpose: Purpose | str, now: datetime, about: str
) -> AccessCode | None:
    """Counts a try on every live code of the candidates and compares with each, in constant time."""
    live = AccessCode.objects.select_for_update(of=("self",)).filter(
        participant__in=candidates,
        purpose=purpose,
        used_at=None,
        expires_at__gt=now,
        issued_at__lte=now,
        tries__lt=TRIES,
    )
    codes = list(live.select_related("participant__trial", "participant__site").order_by("pk"))
    AccessCode.objects.filter(pk__in=[one.pk for one in codes]).update(tries=F("tries") + 1)
    matching = None
    for one in codes:
        expected = _short_hash(one.participant_id, purpose, one.issued_at, digits, about)
        if hmac.compare_digest(bytes(one.code_hash), expected):
            matching = one
    return matching


@transaction.atomic
def issue_long_codes(
    *, participants: Collection[int], purpose: Purpose | str, now: datetime, valid_for: timedelta
) -> dict[int, str]:
    """For each participant, by id, nine characters (`K7F-4MX-3RW`) that open one thing again and again until
    they expire."""
    codes = {participant: _long_code() for participant in participants}
    AccessCode.objects.bulk_create(
        AccessCode(
            participant_id=pk,
            purpose=purpose,
            code_hash=_long_hash(purpose, code),
            issued_at=now,
            expires_at=now + valid_for,
        )
        for pk, code in codes.items()
    )
    return {pk: "-".join(code[i : i + 3] for i in range(0, LONG_CHARACTERS, 3)) for pk, code in codes.items()}


def participant_by_code(*, code: str, purpose: Purpose | str, now: datetime) -> Participant:
    """Whose long code this is. Raises WrongCode for one that is unknown or too old."""
    typed = compact(code)
    if len(typed) == LONG_CHARACTERS and not set(typed) - set(ALPHABET):
        found = Participant.objects.filter(
            pk__in=AccessCode.objects.filter(
                code_hash=_long_hash(purpose, typed), purpose=purpose, issued_at__lte=now, expires_at__gt=now
            ).values("participant"),
            identity__erased_at=None,
        )
        if participant := found.select_related("trial", "site").first():
            return participant
    raise WrongCode(_("The code is not right, or it is too old. Check it against the message."))


def _long_code() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(LONG_CHARACTERS))


def _short_hash(
    participant_id: int, purpose: Purpose | str, issued_at: datetime, code: str, about: str
) -> bytes:
    return _hash(f"{participant_id}|{purpose}|{issued_at.timestamp()}|{code}|{about}")


def _long_hash(purpose: Purpose | str, code: str) -> bytes:
    return _hash(f"{purpose}|{code}")


def _hash(text: str) -> bytes:
    return hmac.digest(keys.derived("access code"), text.encode(), hashlib.sha256)
