"""One randomization on one page, to print and to file. Never a name; the arm only where it is given."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from randomization.commitments import covering
from randomization.models import Allocation, EnvelopeUse
from randomization.selectors import randomization_number
from trial.core.pdf import Document
from trial.people.models import Participant
from trial.protocol.schema.trial import Arm
from trial.protocol.selectors import protocol_of


def certificate(*, participant: Participant, language: str, arm: Arm | None = None) -> bytes:
    """The PDF; `arm` comes from `arm_for`, which knows who may see it and keeps the record of that.

    Raises Allocation.DoesNotExist before randomization.
    """
    allocations = Allocation.objects.select_related(
        "by", "protocol_version", "place__stratum__sealed_list", "envelope"
    )
    allocation = allocations.get(participant=participant)
    protocol = protocol_of(allocation.protocol_version)
    name, number = protocol.names.in_(language), randomization_number(participant)
    document = Document(
        _("Certificate of randomization"), language=language, foot=f"{name} · {participant.study_id}"
    )
    document.paragraph(_origin(allocation))
    facts = [
        (_("Trial"), name),
        (_("Registration"), protocol.registration or "–"),
        (_("Study id"), participant.study_id),
        (_("Site"), participant.site.name),
        *_acts(allocation, protocol.time_zone),
        (_("Protocol version"), allocation.protocol_version.version),
    ]
    if number:
        facts.append((_("Randomization number"), number))
    facts.append((_("Group"), arm.name.in_(language) if arm else _("Not shown on this certificate.")))
    document.facts(facts)
    document.heading(_("Commitment of the list"))
    document.code(covering(allocation.place).commitment)
    return document.render()


def _origin(allocation: Allocation) -> str:
    """Where the participant's place came from."""
    if allocation.cluster_id:
        return _("This participant has the group of the site, from a list that was sealed before.")
    if allocation.envelope:
        return _(
            "The sealed envelope %(number)s of the site was opened for this participant. "
            "It held a place on a list that was sealed before."
        ) % {"number": allocation.envelope.number}
    return _("This participant got the next place on a list that was sealed before.")


def _acts(allocation: Allocation, time_zone: str) -> list[tuple[str, str]]:
    """When and by whom: an envelope is opened first, and recorded when the system is there again."""
    if not allocation.envelope:
        return [
            (pgettext("date and time", "Time"), moment(allocation.at, time_zone)),
            (_("Randomized by"), str(allocation.by)),
        ]
    use = EnvelopeUse.objects.get(allocation=allocation)
    return [
        (capfirst(_("opened")), moment(use.opened_at, time_zone)),
        (capfirst(_("recorded")), moment(allocation.at, time_zone)),
        (capfirst(_("recorded by")), str(allocation.by)),
    ]


def moment(at: datetime, time_zone: str) -> str:
    """Of the trial, by its own time zone, which it names."""
    return f"{date_format(at.astimezone(ZoneInfo(time_zone)), 'DATETIME_FORMAT')} ({time_zone})"
