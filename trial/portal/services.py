"""What a participant does on the own page. The acts themselves belong to the rooms below."""

from datetime import datetime

from django.db import transaction

from screening.services import queue_code
from trial.people.identity import normalise_phone
from trial.people.models import Participant, Purpose, Status
from trial.people.selectors import facts
from trial.people.services import add_status, change_phone, issue_code, redeem_code
from trial.portal.withdrawal import Withdrawal
from trial.protocol.selectors import protocol_of


@transaction.atomic
def take_break(*, participant: Participant, until: datetime, now: datetime) -> None:
    """No messages and no calls until then."""
    add_status(participant=participant, name=Status.PAUSED, by=None, now=now, until=until)


@transaction.atomic
def take_up_again(*, participant: Participant, now: datetime) -> None:
    """The break ends, and a STOP sent by SMS is taken back. Where neither holds, nothing changes."""
    held = facts(participant, now)
    for ended, by in ((Status.PAUSED, Status.RESUMED), (Status.STOPPED_CONTACT, Status.RESUMED_CONTACT)):
        if ended in held:
            add_status(participant=participant, name=by, by=None, now=now)


@transaction.atomic
def ask_for_new_phone(*, participant: Participant, phone: str, language: str, now: datetime) -> str:
    """Send a code to a number that is to become the participant's. Returns the number as E.164.

    Raises NotReadable, TooManyCodes.
    """
    number = normalise_phone(phone, protocol_of(participant.protocol_version).country)
    code = issue_code(participant=participant, purpose=Purpose.NEW_PHONE, now=now, about=number)
    queue_code(participant=participant, code=code, language=language, now=now, to=number)
    return number


def take_new_phone(*, participant: Participant, phone: str, code: str, now: datetime) -> None:
    """The code came back that was sent to this number (E.164): it counts from now on.

    Raises WrongCode, AlreadyRegistered.
    """
    redeem_code(participant=participant, code=code, purpose=Purpose.NEW_PHONE, now=now, about=phone)
    change_phone(participant=participant, phone=phone, by=None, now=now)


@transaction.atomic
def withdraw(*, participant: Participant, withdrawal: Withdrawal, reason: str, now: datetime) -> datetime:
    """Leave, in one of the three ways. Done twice, it counts once. Returns since when it counts."""
    row = add_status(participant=participant, name=withdrawal.status, by=None, now=now, reason=reason)
    return row.at
