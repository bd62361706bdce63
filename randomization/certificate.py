"""One randomization on one page, to print and to file. Never a name; the arm only where it is given."""

from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from randomization.models import Allocation
from randomization.selectors import randomization_number
from trial.core.pdf import Document
from trial.people.models import Participant
from trial.protocol.schema.trial import Arm
from trial.protocol.selectors import protocol_of


def certificate(*, participant: Participant, language: str, arm: Arm | None = None) -> bytes:
    """The PDF; `arm` comes from `arm_for`, which knows who may see it and keeps the record of that.

    Raises Allocation.DoesNotExist before randomization.
    """
    allocations = Allocation.objects.select_related("by", "protocol_version", "place__stratum__sealed_list")
    allocation = allocations.get(participant=participant)
    protocol = protocol_of(allocation.protocol_version)
    at = allocation.at.astimezone(ZoneInfo(protocol.time_zone))
    name, number = protocol.names.in_(language), randomization_number(participant)
    document = Document(
        _("Certificate of randomization"), language=language, foot=f"{name} · {participant.study_id}"
    )
    if allocation.cluster_id:
        document.paragraph(
            _("This participant has the group of the site, from a list that was sealed before.")
        )
    else:
        document.paragraph(_("This participant got the next place on a list that was sealed before."))
    facts = [
        (_("Trial"), name),
        (_("Registration"), protocol.registration or "–"),
        (_("Study id"), participant.study_id),
        (_("Site"), participant.site.name),
        (_("Time"), f"{date_format(at, 'DATETIME_FORMAT')} ({protocol.time_zone})"),
        (_("Randomized by"), str(allocation.by)),
        (_("Protocol version"), allocation.protocol_version.version),
    ]
    if number:
        facts.append((_("Randomization number"), number))
    facts.append((_("Group"), arm.name.in_(language) if arm else _("Not shown on this certificate.")))
    document.facts(facts)
    document.heading(_("Commitment of the list"))
    document.code(allocation.place.stratum.sealed_list.commitment)
    return document.render()
