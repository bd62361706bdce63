"""From consent to the phone that is confirmed: the visitor becomes a participant."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from screening import selectors, services
from screening.document import consent_document
from screening.errors import AlreadyDecided, TextChanged
from screening.forms import CodeForm, ConsentForm, ContactForm, PhoneForm
from screening.models import Attempt
from screening.selectors import Step
from screening.visits import Visit, visiting
from trial.core.clock import now
from trial.core.errors import DomainError
from trial.core.timing import evenly
from trial.people.access import enter
from trial.people.errors import TooManyCodes, WrongCode
from trial.people.identity import normalise_identity_number
from trial.people.models import Participant, Purpose, Site
from trial.people.services import Contact, redeem_code
from trial.protocol.schema import Protocol

CONFIRMING = "confirming"
"""Session: who must send back a code. Kept for people who take part already; the page tells nobody which."""
NEW_CODE = gettext_lazy(
    "If fewer than five codes were sent in the past hour, a new one is on its way. "
    "It can take a minute. Otherwise wait an hour, and ask again."
)
"""The same to everybody, and true for everybody: it tells nobody how many codes there were."""


@require_http_methods(["GET", "HEAD", "POST"])
@visiting(Step.CONSENT, Step.CONTACT)
def consent(visit: Visit, attempt: Attempt) -> HttpResponseBase:
    """The full text, a box for each thing agreed to, and the name that signs."""
    document = consent_document(visit.protocol, visit.language)
    form = ConsentForm(document, visit.posted)
    if form.is_valid():
        try:
            services.give_consent(
                attempt=attempt,
                language=visit.language,
                shown=form.cleaned_data["shown"],
                ticks=form.ticks,
                name=form.cleaned_data["name"],
                now=now(),
            )
        except TextChanged as changed:
            messages.warning(visit.request, str(changed))
            return visit.go("consent")
        return visit.go("contact")
    return visit.render("consent.html", {"form": form, "document": document})


@require_http_methods(["GET", "HEAD", "POST"])
@visiting(Step.CONTACT)
def contact(visit: Visit, attempt: Attempt) -> HttpResponseBase:
    """How we reach the participant; with this page the visitor becomes one."""
    moment, sites = now(), _open_sites(visit)
    form = ContactForm(
        visit.protocol,
        sites,
        language=visit.language,
        normalise_number=_number_reader(visit.protocol, moment),
        site=attempt.site,
        postal_code=selectors.postal_code_told(attempt),
        data=visit.posted,
    )
    if form.is_valid() and sites:
        site, details = form.cleaned_data.pop("site", sites[0]), form.cleaned_data
        try:
            with evenly():
                registration = services.register(
                    attempt=attempt, site=site, contact=Contact(name="", **details), now=moment
                )
                _send_code(visit, registration.participant, moment, once=str(attempt.pk))
        except AlreadyDecided:
            return visit.go("confirm")
        except DomainError as refused:
            form.add_error(None, str(refused))
        else:
            visit.request.session[CONFIRMING] = registration.participant.pk
            return visit.go("confirm")
    return visit.render("contact.html", {"form": form, "sites": sites})


@require_http_methods(["GET", "HEAD", "POST"])
@visiting(Step.CONFIRM)
def confirm(visit: Visit, attempt: Attempt) -> HttpResponseBase:
    """The code from the SMS; one page for a new participant and for one who takes part already."""
    participant = _confirming(visit, attempt)
    form = CodeForm(visit.posted)
    if form.is_valid() and participant:
        try:
            redeem_code(
                participant=participant,
                code=form.cleaned_data["code"],
                purpose=Purpose.OWN_PAGE,
                now=now(),
            )
        except WrongCode as wrong:
            form.add_error("code", str(wrong))
        else:
            return _enter(visit, attempt, participant)
    return visit.render("confirm.html", {"form": form})


def _enter(visit: Visit, attempt: Attempt, participant: Participant) -> HttpResponseBase:
    """From here on the session is the participant's."""
    enter(visit.request, participant)
    services.confirm_phone(participant=participant, now=now())
    if attempt.participant_id:
        return redirect("screening:baseline")
    messages.info(visit.request, _("You take part in this study already. This is your own page."))
    return redirect("portal:home")


@require_POST
@visiting(Step.CONFIRM)
def send_again(visit: Visit, attempt: Attempt) -> HttpResponseBase:
    """One more code."""
    with evenly():
        if participant := _confirming(visit, attempt):
            _send_code(visit, participant, now())
    messages.info(visit.request, NEW_CODE)
    return visit.go("confirm")


@require_http_methods(["GET", "HEAD", "POST"])
@visiting(Step.CONFIRM)
def correct_phone(visit: Visit, attempt: Attempt) -> HttpResponseBase:
    """For a number that was mistyped. Looks the same to everybody, and changes only a number just given."""
    moment = now()
    form = PhoneForm(visit.protocol.country, visit.posted)
    if form.is_valid():
        with evenly(), suppress(DomainError):
            services.correct_phone(attempt=attempt, phone=form.cleaned_data["phone"], now=moment)
            if participant := _confirming(visit, attempt):
                _send_code(visit, participant, moment)
        return visit.go("confirm")
    return visit.render("correct_phone.html", {"form": form})


def _open_sites(visit: Visit) -> list[Site]:
    return list(Site.objects.filter(trial=visit.trial, opened_at__isnull=False, closed_at=None))


def _number_reader(protocol: Protocol, moment: datetime) -> Callable[[str], str]:
    today = moment.astimezone(ZoneInfo(protocol.time_zone)).date()
    country = protocol.contact_details.identity_number
    return lambda raw: normalise_identity_number(raw, country, today=today)


def _confirming(visit: Visit, attempt: Attempt) -> Participant | None:
    """Who must send the code back: the new participant, or the one who was found."""
    if attempt.participant is not None:
        return attempt.participant
    return Participant.objects.filter(pk=visit.request.session.get(CONFIRMING, 0)).first()


def _send_code(visit: Visit, participant: Participant, moment: datetime, once: str = "") -> None:
    """Silent about too many codes: the page is the same for everybody."""
    try:
        services.send_code(
            participant=participant,
            purpose=Purpose.OWN_PAGE,
            language=visit.language,
            now=moment,
            once=once,
        )
    except TooManyCodes:
        return
