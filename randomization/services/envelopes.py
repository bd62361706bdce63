"""Fallback envelopes: places leave the online sequence, are printed once, and each is accounted for."""

import itertools
from collections.abc import Collection, Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import Max
from django.utils import translation
from django.utils.translation import gettext as _

from randomization.arms import arm_in
from randomization.conditions import OfStratum, readiness
from randomization.envelope_pdf import Sheet, envelopes_pdf
from randomization.envelopes import (
    MAY_HAVE_CHANGED,
    accounts,
    link_to,
    refuse_envelopes,
    strata_of,
    stratum_in_words,
    surprises,
)
from randomization.errors import EnvelopeRefused, EnvelopesRefused, NotReady
from randomization.models import (
    Allocation,
    Deviation,
    Envelope,
    EnvelopePrint,
    EnvelopeReturn,
    EnvelopeUse,
    Stratum,
)
from randomization.services.notices import tell_randomized
from randomization.services.places import take_next
from screening.standing import standing_of
from trial.accounts.models import User
from trial.audit.services import record_read
from trial.people.errors import ReasonMissing
from trial.people.models import Participant, Site
from trial.people.services import lock_participant
from trial.protocol.selectors import active_protocol, is_blinded, protocol_of
from trial.protocol.services import refuse_locked

MOST_AT_ONCE = 200


@transaction.atomic
def reserve_envelopes(
    *, site: Site, counts: Mapping[str, int], by: User, now: datetime, after: int | None = None
) -> list[Envelope]:
    """Take so many next places of each of these strata out of the online sequence, all or none and for good.

    `after` is the site's last number as the asker saw it: a second click finds another one and is refused.
    Raises NotSealed, or EnvelopesRefused: not for this design, these strata, so many, or at this time.
    """
    last = last_number(_lock(site))
    if after not in (None, last):
        raise EnvelopesRefused(_("Envelopes of this site were reserved a moment ago. Look at them first."))
    refuse_envelopes(site)
    wanted = {key: count for key, count in counts.items() if count}
    if not wanted:
        raise EnvelopesRefused(_("Say of which stratum you want envelopes, and how many."))
    if not wanted.keys() <= {stratum.key for stratum in strata_of(site)}:
        raise EnvelopesRefused(_("No participant of this site can be in that stratum."))
    if not all(1 <= count <= MOST_AT_ONCE for count in wanted.values()):
        raise EnvelopesRefused(
            _("Reserve between 1 and %(most)s envelopes of a stratum.") % {"most": MOST_AT_ONCE}
        )
    of_trial = Stratum.objects.filter(sealed_list__trial=site.trial_id, key__in=wanted)
    strata = list(of_trial.select_for_update().order_by("pk"))  # as whoever makes the lists longer
    for stratum in strata:
        if wanted[stratum.key] > (left := stratum.places - stratum.used):
            raise EnvelopesRefused(
                _("Only %(left)s places are left on this stratum's list.") % {"left": left}
            )
    numbers = itertools.count(last + 1)
    return [
        Envelope.objects.create(site=site, place=take_next(stratum), number=next(numbers), at=now, by=by)
        for stratum in sorted(strata, key=lambda one: one.key)
        for _each in range(wanted[stratum.key])
    ]


def last_number(site: Site) -> int:
    """Of the site's envelopes; 0 where it has none."""
    return Envelope.objects.filter(site=site).aggregate(last=Max("number"))["last"] or 0


def _lock(site: Site) -> Site:
    """Numbers are given to one act at a time. Participants can register meanwhile."""
    Site.objects.select_for_update(no_key=True).get(pk=site.pk)
    return site


@transaction.atomic
def print_envelopes(*, site: Site, numbers: Collection[int], by: User, now: datetime) -> bytes:
    """The PDF of these envelopes, once: it is kept nowhere, and the read log says that it was made.

    Raises EnvelopesRefused where one of them was printed before, is accounted for, or is not there, and at
    a time when none is reserved.
    """
    _lock(site)
    refuse_envelopes(site)
    wanted = [one for one in accounts([site], "")[0].to_print if one.envelope.number in set(numbers)]
    if not wanted or len(wanted) != len(set(numbers)):
        raise EnvelopesRefused(
            _("Each envelope is printed once. If that failed, record it as destroyed and reserve another.")
        )
    EnvelopePrint.objects.bulk_create(EnvelopePrint(envelope=one.envelope, at=now, by=by) for one in wanted)
    record_read(
        what=f"envelopes of {site.trial.slug}",
        participant_study_id="",
        fields=["arm"],
        reason="to print envelopes",
        now=now,
    )
    return _pdf(site, [one.envelope for one in wanted])


def _pdf(site: Site, envelopes: Collection[Envelope]) -> bytes:
    protocol = active_protocol(site.trial)
    language = protocol.language
    with translation.override(language):
        sheets = [_sheet(envelope, protocol.names.in_(language), language) for envelope in envelopes]
        arms = [arm.name.in_(language) for arm in protocol.arms]
        return envelopes_pdf(sheets, possible=arms, language=language)


def _sheet(envelope: Envelope, trial: str, language: str) -> Sheet:
    place, site = envelope.place, envelope.site
    stratum = place.stratum
    arm = protocol_of(stratum.sealed_list.protocol_version).arm(arm_in(place))
    return Sheet(
        trial=trial,
        site=site.name,
        number=envelope.number,
        stratum=stratum_in_words(stratum, language),
        qr=link_to(envelope),
        inside=place.code if is_blinded(site.trial) else arm.name.in_(language),
    )


@transaction.atomic
def use_envelope(
    *,
    envelope: Envelope,
    participant: Participant,
    opened_at: datetime,
    by: User,
    now: datetime,
    language: str = "",
) -> Allocation:
    """Record that the envelope was opened for the participant: that is their randomization.

    All must hold of the participant that holds for a randomization online, but who was there may have
    withdrawn since, and the trial or its site may have closed. The wrong group or a number out of order
    cannot be taken back: each is recorded with a deviation. A second call returns the first allocation.
    Raises NotReady, EnvelopeRefused, or DataLocked.
    """
    lock_participant(participant)
    refuse_locked(participant.trial)
    envelope = Envelope.objects.select_for_update(of=("self",)).get(pk=envelope.pk)
    if existing := Allocation.objects.filter(participant=participant).first():
        if existing.envelope_id == envelope.pk:
            return existing
        raise EnvelopeRefused(
            _("This participant is randomized already. Record the envelope as opened in error.")
        )
    _refuse(envelope, participant, opened_at, now)
    ready = readiness(participant)
    had_left = standing_of(participant, at=opened_at).has_left
    excused = MAY_HAVE_CHANGED - {"present"} if had_left else MAY_HAVE_CHANGED
    if missing := [one.label for one in ready.missing if one.key not in excused]:
        raise NotReady(missing)
    allocation = Allocation.objects.create(
        participant=participant,
        place=envelope.place,
        envelope=envelope,
        protocol_version=ready.version,
        at=now,
        by=by,
    )
    EnvelopeUse.objects.create(allocation=allocation, opened_at=opened_at)
    stratum = ready.source.stratum if isinstance(ready.source, OfStratum) else None
    for kind, description in surprises(envelope, stratum, language).items():
        Deviation.objects.create(participant=participant, kind=kind, description=description, at=now, by=by)
    tell_randomized(allocation)
    return allocation


def _refuse(envelope: Envelope, participant: Participant, opened_at: datetime, now: datetime) -> None:
    printed = EnvelopePrint.objects.filter(envelope=envelope).first()
    if envelope.site_id != participant.site_id or printed is None:
        raise EnvelopeRefused(_("Choose an envelope that was printed for the participant's site."))
    if not printed.at.replace(second=0, microsecond=0) <= opened_at <= now:  # on paper stand minutes
        raise EnvelopeRefused(_("An envelope is opened after it was printed, and not in the future."))
    if _is_used(envelope) or EnvelopeReturn.objects.filter(envelope=envelope).exists():
        raise EnvelopeRefused(_("What became of this envelope is on record already."))


@transaction.atomic
def return_envelope(
    *, envelope: Envelope, kind: str, explanation: str, by: User, now: datetime
) -> EnvelopeReturn:
    """The envelope will never be used, and why. A second call returns the first record."""
    if not explanation.strip():
        raise ReasonMissing(_("Write what happened to the envelope."))
    envelope = Envelope.objects.select_for_update(of=("self",)).get(pk=envelope.pk)
    if existing := EnvelopeReturn.objects.filter(envelope=envelope).first():
        return existing
    if _is_used(envelope):
        raise EnvelopeRefused(_("What became of this envelope is on record already."))
    return EnvelopeReturn.objects.create(
        envelope=envelope, kind=EnvelopeReturn.Kind(kind), explanation=explanation.strip(), at=now, by=by
    )


def _is_used(envelope: Envelope) -> bool:
    return Allocation.objects.filter(envelope=envelope).exists()
