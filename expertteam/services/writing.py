"""Notes and advice: every save is a new version, and nobody overwrites what they have not read."""

from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from expertteam.errors import NewerVersion, NothingWritten
from expertteam.models import Advice, Case, Note, Writing
from expertteam.selectors import team_of
from expertteam.services.cases import lock_open, must_write
from trial.accounts.models import User
from trial.messaging.models import Kind
from trial.messaging.services import enqueue

W = TypeVar("W", bound=Writing)


@transaction.atomic
def sign_note(*, case: Case, thread: UUID, based_on: int, text: str, by: User, now: datetime) -> Note:
    """Save and sign a note: a new one with a thread of its own (`based_on` 0), or a correction of a version.

    The same text again is the same version, so a double click writes once. Raises NewerVersion when somebody
    saved after `based_on`, NotOnTeam, CaseClosed, NothingWritten.
    """
    must_write(case, by)
    lock_open(case, now)
    return _next_version(Note, case, thread, based_on, text, by, now, signed_at=now)


@transaction.atomic
def save_advice(*, case: Case, thread: UUID, based_on: int, text: str, by: User, now: datetime) -> Advice:
    """Save a draft that only the team reads. Raises as `sign_note`."""
    must_write(case, by)
    lock_open(case, now)
    return _next_version(Advice, case, thread, based_on, text, by, now, signed_at=None)


@transaction.atomic
def sign_advice(*, case: Case, thread: UUID, based_on: int, text: str, by: User, now: datetime) -> Advice:
    """Sign advice: from now on the participant reads it, and is told so by SMS. Raises as `sign_note`."""
    must_write(case, by)
    lock_open(case, now)
    advice = _next_version(Advice, case, thread, based_on, text, by, now, signed_at=now)
    participant = case.participant
    address = f"{settings.PUBLIC_BASE_URL}{reverse('portal:advice')}"
    enqueue(
        participant=participant,
        protocol_version=case.protocol_version,
        key=f"advice:{thread}:{advice.version}",
        kind=Kind.ADVICE,
        body=team_of(case).advice_ready.in_(participant.language).replace("{address}", address),
        language=participant.language,
        due_at=now,
    )
    return advice


def _next_version(
    model: type[W],
    case: Case,
    thread: UUID,
    based_on: int,
    text: str,
    by: User,
    now: datetime,
    *,
    signed_at: datetime | None,
) -> W:
    text = text.replace("\r\n", "\n").strip()
    if not text:
        raise NothingWritten(_("Write something first."))
    newest = model._default_manager.filter(case=case, thread=thread).order_by("-version").first()
    if newest and newest.text == text and (newest.signed_at is not None) == (signed_at is not None):
        return newest
    if newest and newest.version != based_on:
        raise NewerVersion(
            _("%(name)s saved a newer version while you wrote. Yours is kept below: put the two together.")
            % {"name": newest.author},
            newest,
        )
    return model._default_manager.create(
        case=case,
        thread=thread,
        version=newest.version + 1 if newest else 1,
        text=text,
        author=by,
        written_at=now,
        signed_at=signed_at,
    )
