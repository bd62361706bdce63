"""The participant's own page: what comes, what was sent, and every choice in one calm place."""

from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from expertteam.selectors import advice_for, coming_meetings_for
from followup.selectors import answerable_weeks
from followup.services import record_web_answer
from screening.forms import CodeForm, PhoneForm
from screening.services import confirm_phone
from screening.visits import for_participant
from trial.core.clock import now
from trial.core.errors import DomainError
from trial.core.timing import evenly
from trial.messaging.selectors import messages_to
from trial.people.access import enter, leave, own_participant
from trial.people.errors import WrongCode
from trial.people.identity import spaced_phone
from trial.people.models import Participant
from trial.people.selectors import facts
from trial.portal import entry, selectors, services
from trial.portal.forms import BreakForm, LoginForm, SureForm, WeekForm, WithdrawForm
from trial.portal.withdrawal import WITHDRAWALS, possible
from trial.protocol.errors import DataLocked
from trial.protocol.selectors import is_locked, protocol_of

LOGGING_IN = "logging_in"
NEW_PHONE = "new_phone"
MESSAGES_ON_THE_PAGE = 3


@require_http_methods(["GET", "HEAD", "POST"])
def login(request: HttpRequest) -> HttpResponseBase:
    """Ask for the phone and send a code to it. The next page is the same whether we know the phone or not."""
    if own_participant(request):
        return redirect("portal:home")
    form = LoginForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        phones = form.cleaned_data["phone"].split()
        _send_codes(phones)
        entry.keep(request, LOGGING_IN, phones)
        return redirect("portal:code")
    return render(request, "portal/login.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest) -> HttpResponseBase:
    """The code from the SMS."""
    phones = entry.kept(request, LOGGING_IN)
    if not phones:
        return redirect("portal:login")
    form = CodeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        moment = now()
        try:
            with evenly():
                participant = entry.whose_code(phones=phones, code=form.cleaned_data["code"], now=moment)
        except WrongCode as wrong:
            form.add_error("code", str(wrong))
        else:
            enter(request, participant)
            confirm_phone(participant=participant, now=moment)
            return redirect("portal:home")
    return render(request, "portal/code.html", {"form": form})


@require_POST
def code_again(request: HttpRequest) -> HttpResponseBase:
    """One more code to the phone that was written, with the same answer to everybody."""
    phones = entry.kept(request, LOGGING_IN)
    if not phones:
        return redirect("portal:login")
    _send_codes(phones)
    messages.info(
        request,
        _(
            "If the number takes part in a study, and fewer than five codes were sent in the past hour, "
            "a new one is on its way. Otherwise wait an hour, and ask again."
        ),
    )
    return redirect("portal:code")


def _send_codes(phones: list[str]) -> None:
    with evenly():
        entry.send_codes(phones=phones, language=get_language() or "", now=now())


@require_POST
def logout(request: HttpRequest) -> HttpResponseBase:
    """Leave this device."""
    leave(request)
    messages.info(request, _("You are logged out."))
    return redirect("screening:trials")


@require_safe
@for_participant
def home(request: HttpRequest, participant: Participant) -> HttpResponse:
    """Everything at a glance."""
    moment = now()
    overview = selectors.overview(participant, moment)
    return _page(
        request,
        "home.html",
        participant,
        {
            "overview": overview,
            "ahead": selectors.ahead(coming_meetings_for(participant, moment), overview.coming),
            "advice": advice_for(participant),
            "sent": messages_to(participant)[:MESSAGES_ON_THE_PAGE],
        },
    )


@require_safe
@for_participant
def sent(request: HttpRequest, participant: Participant) -> HttpResponse:
    """Every SMS that was sent."""
    return _page(request, "messages.html", participant, {"sent": messages_to(participant)})


@require_safe
@for_participant
def advice(request: HttpRequest, participant: Participant) -> HttpResponse:
    """The advice that the expert team signed for the participant."""
    given = advice_for(participant)
    if not given:
        raise Http404
    return _page(request, "advice.html", participant, {"advice": given})


@require_http_methods(["GET", "HEAD", "POST"])
@for_participant
def week(request: HttpRequest, participant: Participant, number: int) -> HttpResponseBase:
    """The number of days in one week, answered here instead of by SMS, or put right."""
    moment = now()
    found = next((one for one in answerable_weeks(participant, moment) if one.number == number), None)
    if is_locked(participant.trial):
        messages.info(request, str(DataLocked()))
        return redirect("portal:home")
    if found is None:
        raise Http404
    form = WeekForm(
        protocol_of(participant.protocol_version).weekly,
        found.days,
        request.POST if request.method == "POST" else None,
    )
    if form.is_valid() and _done(
        form,
        record_web_answer,
        participant=participant,
        week=number,
        days=form.cleaned_data["days"],
        now=moment,
    ):
        messages.success(request, _("Thank you. Your answer is kept."))
        return redirect("portal:home")
    return _page(request, "week.html", participant, {"form": form, "week": found})


@require_http_methods(["GET", "HEAD", "POST"])
@for_participant
def pause(request: HttpRequest, participant: Participant) -> HttpResponseBase:
    """A break from messages and calls."""
    moment, zone = now(), protocol_of(participant.protocol_version).time_zone
    form = BreakForm(
        moment.astimezone(ZoneInfo(zone)).date(), request.POST if request.method == "POST" else None
    )
    if form.is_valid() and _done(
        form, services.take_break, participant=participant, until=form.ends_at(zone), now=moment
    ):
        messages.success(request, _("You have a break. We wish you a good rest."))
        return redirect("portal:home")
    return _page(request, "pause.html", participant, {"form": form})


@require_POST
@for_participant
def resume(request: HttpRequest, participant: Participant) -> HttpResponseBase:
    """The break is over, or a STOP is taken back."""
    services.take_up_again(participant=participant, now=now())
    messages.success(request, _("Welcome back. We send you the study's messages again."))
    return redirect("portal:home")


@require_http_methods(["GET", "HEAD", "POST"])
@for_participant
def phone(request: HttpRequest, participant: Participant) -> HttpResponseBase:
    """A new phone number, to which a code is sent before it counts."""
    country = protocol_of(participant.protocol_version).country
    form = PhoneForm(country, request.POST if request.method == "POST" else None)
    if form.is_valid():
        number = form.cleaned_data["phone"]
        if _done(form, _send_to_new_phone, participant=participant, number=number):
            entry.keep(request, NEW_PHONE, [number])
            return redirect("portal:phone_code")
    return _page(request, "phone.html", participant, {"form": form})


def _send_to_new_phone(participant: Participant, number: str) -> None:
    services.ask_for_new_phone(
        participant=participant, phone=number, language=get_language() or participant.language, now=now()
    )


@require_http_methods(["GET", "HEAD", "POST"])
@for_participant
def phone_code(request: HttpRequest, participant: Participant) -> HttpResponseBase:
    """The code that went to the new number."""
    phones = entry.kept(request, NEW_PHONE)
    if not phones:
        return redirect("portal:phone")
    form = CodeForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and _done(
        form,
        services.take_new_phone,
        participant=participant,
        phone=phones[0],
        code=form.cleaned_data["code"],
        now=now(),
    ):
        del request.session[NEW_PHONE]
        messages.success(request, _("From now on we use your new number."))
        return redirect("portal:home")
    return _page(request, "phone_code.html", participant, {"form": form, "number": spaced_phone(phones[0])})


@require_POST
@for_participant
def phone_code_again(request: HttpRequest, participant: Participant) -> HttpResponseBase:
    """One more code to the new number, or word that there were enough of them for now."""
    phones = entry.kept(request, NEW_PHONE)
    if not phones:
        return redirect("portal:phone")
    try:
        _send_to_new_phone(participant, phones[0])
    except DomainError as refused:
        messages.warning(request, str(refused))
    else:
        messages.info(request, _("We have sent a new code. It can take a minute to arrive."))
    return redirect("portal:phone_code")


@require_safe
@for_participant
def withdraw(request: HttpRequest, participant: Participant) -> HttpResponse:
    """The ways to leave."""
    held = facts(participant, now())
    context = {"withdrawals": possible(held.since), "may_contact": held.may_contact}
    return _page(request, "withdraw.html", participant, context)


@require_http_methods(["GET", "HEAD", "POST"])
@for_participant
def withdraw_from(request: HttpRequest, participant: Participant, kind: str) -> HttpResponseBase:
    """One way to leave: what it means, for what cannot be undone a last question, then a receipt."""
    withdrawal, held = WITHDRAWALS.get(kind), facts(participant, now()).since
    if withdrawal is None:
        raise Http404
    if withdrawal not in possible(held) and withdrawal.status not in held:
        return redirect("portal:withdraw")
    posted = request.POST if request.method == "POST" else None
    template = "withdraw_from.html"
    form: WithdrawForm | SureForm = WithdrawForm(posted)
    if withdrawal.final and form.is_valid():
        template, form = "withdraw_sure.html", SureForm(form.cleaned_data["reason"], posted)
    context = {"form": form, "withdrawal": withdrawal, "others": len(possible(held)) > 1}
    if not form.is_valid():
        return _page(request, template, participant, context)
    reason = form.cleaned_data["reason"]
    try:
        at = services.withdraw(participant=participant, withdrawal=withdrawal, reason=reason, now=now())
    except DomainError as refused:
        form.add_error(None, str(refused))
        return _page(request, template, participant, context)
    leaves = own_participant(request) is None
    if leaves:
        leave(request)
    return _page(request, "receipt.html", participant, {"withdrawal": withdrawal, "at": at, "leaves": leaves})


def _done(form: Any, act: Any, **arguments: Any) -> bool:
    """Whether the act was done; a refusal is said on the form, in its own words."""
    try:
        act(**arguments)
    except DomainError as refused:
        form.add_error(None, str(refused))
        return False
    return True


def _page(
    request: HttpRequest, template: str, participant: Participant, context: dict[str, Any]
) -> HttpResponse:
    protocol = protocol_of(participant.protocol_version)
    names = {"participant": participant, "protocol": protocol, "language": get_language()}
    return render(request, f"portal/{template}", names | context)
