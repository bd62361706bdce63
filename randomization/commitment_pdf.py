"""The commitment on one page, to sign and file with the ethics committee before the first participant."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import Paragraph

from randomization.commitments import Published, lists_of, meaning, published
from randomization.models import SealedList
from trial.core.pdf import CODE, Document
from trial.protocol.schema import Protocol
from trial.protocol.selectors import protocol_of

LARGE = ParagraphStyle("commitment", parent=CODE, fontSize=19, leading=27)
IN_A_LINE = 4
"""Groups of letters."""


def commitment_pdf(sealed: SealedList, *, language: str) -> bytes:
    """In the language that is active; a longer list follows on a page of its own."""
    protocol = protocol_of(sealed.protocol_version)
    first, *longer = published(sealed)
    title = _("Commitment to the randomization list")
    document = Document(title, language=language, foot=f"{protocol.names.in_(language)} · {first.commitment}")
    document.facts(_facts(sealed, protocol, first, language))
    document.paragraph(meaning(sealed))
    _number(document, first)
    document.qr_code(first.commitment, size=28)
    document.paragraph(
        _(
            "Write the number down. When the trial is over, the list and a secret number that belongs to it "
            "are published. Anyone can then compute the fingerprint again and see that nobody changed the "
            "list."
        )
    )
    document.paragraph(
        _(
            "The fingerprint is SHA-256 over the secret number and the list. "
            "It tells nothing about who comes into which group."
        )
    )
    for label in (_("Name and role"), _("Place and date"), _("Signature")):
        document.space(5)
        document.facts([(label, "")])
    for one in longer:
        document.page_break()
        document.heading(_longer(one, protocol))
        _number(document, one)
    return document.render()


def _facts(sealed: SealedList, protocol: Protocol, first: Published, language: str) -> list[tuple[str, str]]:
    version = sealed.protocol_version
    return [
        (_("Trial"), protocol.names.in_(language)),
        (_("Registration"), protocol.registration),
        (_("Responsible"), protocol.responsible),
        (_("Sealed"), _at(first.at, protocol)),
        (_("Protocol"), _("version %(version)s") % {"version": version.version}),
        (_("Fingerprint of the protocol (SHA-256)"), f"{version.sha256[:32]} {version.sha256[32:]}"),
        (_("Lists"), str(lists_of(sealed))),
    ]


def _number(document: Document, one: Published) -> None:
    """Large, in groups, two lines of it."""
    for at in range(0, len(one.groups), IN_A_LINE):
        document.flowable(Paragraph("&nbsp;".join(one.groups[at : at + IN_A_LINE]), LARGE))
    document.space(3)


def _longer(one: Published, protocol: Protocol) -> str:
    return _("Longer list of %(at)s") % {"at": _at(one.at, protocol)}


def _at(moment: datetime, protocol: Protocol) -> str:
    local = moment.astimezone(ZoneInfo(protocol.time_zone))
    return f"{date_format(local, 'DATETIME_FORMAT')} ({local:%Z}, {moment:%Y-%m-%d %H:%M:%S} UTC)"
