"""E-mail to staff: that somebody was randomized, or unblinded or not. Planned with the act, sent by a sweep.

At least once: a kill between sending and its record sends again, with the same Message-ID.
"""

import logging
import time
from collections.abc import Collection
from datetime import datetime, timedelta
from smtplib import SMTPRecipientsRefused
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.utils import formats, translation
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from randomization.models import Allocation, Notice
from randomization.selectors import arm_for, may_know_arm
from trial.accounts.models import User
from trial.accounts.permissions import Permission
from trial.accounts.roles import BY_KEY
from trial.messaging.services import wake_sweep
from trial.people.models import Participant
from trial.people.selectors import has_permission, members
from trial.protocol.schema import Protocol
from trial.protocol.selectors import active_protocol, protocol_of

SEND = "randomization.tasks.send_notices"
SWEEP_SECONDS = 50
"""No e-mail is begun later than this, so that sweeps do not pile up."""
MOST_TRIES = 20
"""With the pauses between them about three days."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=2), timedelta(hours=6)

CLAIM = """
UPDATE randomization_notice SET claimed_at = %(now)s, attempts = attempts + 1
 WHERE id = (SELECT id FROM randomization_notice
              WHERE sent_at IS NULL AND attempts < %(most)s
                AND (claimed_at IS NULL
                     OR claimed_at <= %(now)s - least(%(first)s * (1 << attempts - 1), %(longest)s))
              ORDER BY planned_at, id
              LIMIT 1
                FOR UPDATE SKIP LOCKED)
RETURNING id
"""

logger = logging.getLogger(__name__)


@transaction.atomic
def plan_notices(
    *,
    kind: Notice.Kind,
    about: int,
    participant: Participant,
    roles: Collection[str],
    also: Collection[User] = (),
    now: datetime,
) -> None:
    """One e-mail to everybody who has one of the roles at the participant's site, and `also` to these.

    `about` is the number of the allocation or the unblinding. Sent soon after the commit.
    """
    Notice.objects.bulk_create(
        (
            Notice(participant=participant, kind=kind, about=about, recipient=user, planned_at=now)
            for user in {*members(roles, site=participant.site), *also}
        ),
        ignore_conflicts=True,
    )
    wake_sweep(SEND)


def tell_randomized(allocation: Allocation) -> None:
    """Plan the e-mails that the protocol asks for; most protocols ask for none."""
    if roles := protocol_of(allocation.protocol_version).randomization.tell:
        plan_notices(
            kind=Notice.Kind.RANDOMIZED,
            about=allocation.pk,
            participant=allocation.participant,
            roles=roles,
            now=allocation.at,
        )


def send_notices(*, now: datetime) -> int:
    """Send what waits, one by one, each claimed first; any number of workers may. Returns how many were sent.

    Called outside any transaction. What fails is tried again after a pause that doubles; a mail server that
    does not answer ends this sweep.
    """
    ends, sent = time.monotonic() + SWEEP_SECONDS, 0
    while time.monotonic() < ends and (notice := _claim(now)):
        try:
            sent += _send(notice, now)
        except SMTPRecipientsRefused:
            logger.warning("The mail server refuses the address of notice %s.", notice.pk)
        except OSError as error:
            logger.warning("Notice %s was not sent (%s).", notice.pk, type(error).__name__)
            break
    return sent


def _claim(now: datetime) -> Notice | None:
    """The longest waiting one whose time has come. A claim that led nowhere counts as a try that failed."""
    limits: dict[str, Any] = {"now": now, "most": MOST_TRIES, "first": FIRST_PAUSE, "longest": LONGEST_PAUSE}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(CLAIM, limits)
        claimed = cursor.fetchone()
    waiting = Notice.objects.select_related("participant__trial", "participant__site", "recipient")
    return waiting.get(pk=claimed[0]) if claimed else None


def _send(notice: Notice, now: datetime) -> bool:
    """False for somebody who has left meanwhile: they are told nothing, and it is not tried again."""
    protocol = active_protocol(notice.participant.trial)
    if not members(BY_KEY, site=notice.participant.site).filter(pk=notice.recipient_id).exists():
        Notice.objects.filter(pk=notice.pk).update(attempts=MOST_TRIES)
        return False
    with translation.override(protocol.language):
        letter = EmailMessage(
            " ".join(_subject(notice, protocol).split()),
            _body(notice, protocol, now),
            to=[notice.recipient.email],
            headers={"Message-ID": _message_id(notice)},
        )
    letter.send()
    Notice.objects.filter(pk=notice.pk).update(sent_at=now)
    return True


def _subject(notice: Notice, protocol: Protocol) -> str:
    """Tells no person and no arm: a subject is shown on locked screens."""
    trial = {"trial": protocol.names.in_(protocol.language)}
    match notice.kind:
        case Notice.Kind.RANDOMIZED:
            return _("Tilbake: somebody was randomized in %(trial)s") % trial
        case Notice.Kind.UNBLINDING_ASKED:
            return _("Tilbake: somebody asks to unblind in %(trial)s") % trial
        case Notice.Kind.UNBLINDING_REFUSED:
            return _("Tilbake: somebody refused to unblind in %(trial)s") % trial
        case _unblinded:
            return _("Tilbake: somebody was unblinded in %(trial)s") % trial


def _body(notice: Notice, protocol: Protocol, now: datetime) -> str:
    participant = notice.participant
    at = notice.planned_at.astimezone(ZoneInfo(protocol.time_zone))
    facts = [
        (_("Trial"), protocol.names.in_(protocol.language)),
        (_("Site"), participant.site.name),
        (pgettext("date and time", "Time"), formats.date_format(at, "DATETIME_FORMAT")),
    ]
    if has_permission(notice.recipient, Permission.VIEW_PARTICIPANT, site=participant.site):
        facts.insert(1, (_("Study id"), participant.study_id))
    if notice.kind == Notice.Kind.RANDOMIZED and may_know_arm(notice.recipient, participant):
        arm = arm_for(user=notice.recipient, participant=participant, reason=_reason(notice), now=now)
        facts.append((_("Group"), arm.name.in_(protocol.language)))
    lines = [f"{label}: {value}" for label, value in facts]
    return "\n".join([f"{notice.get_kind_display()}.", "", *lines, "", _("Do not forward this e-mail."), ""])


def _reason(notice: Notice) -> str:
    """In the read log, where the sweep is who acts."""
    return f"by e-mail to user:{notice.recipient_id}"


def _message_id(notice: Notice) -> str:
    """The same at each try, so that a doubled e-mail is recognised."""
    return f"<notice-{notice.pk}@{urlsplit(settings.PUBLIC_BASE_URL).hostname}>"
