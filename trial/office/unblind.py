"""Emergency unblinding in the office: ask, decide as somebody else, and look. One participant at a time."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from randomization.services import ask_to_unblind, decide_unblinding, unblinded_arm
from randomization.unblindings import (
    Asked,
    asked_about,
    may_be_unblinded,
    may_decide,
    rules_of,
    unblindings_of,
)
from trial.accounts.permissions import Permission
from trial.accounts.second_step import ConfirmTwiceForm, has_second_step
from trial.core.clock import now
from trial.core.errors import DomainError
from trial.office.forms import MAX_REASON
from trial.people.access import access_participant, staff
from trial.people.models import Participant

acts = require_http_methods(["GET", "POST"])

JUST_ASKED = "just_asked"
"""In the session: the request whose arm the next page shows without asking for the second step again."""


class AskForm(ConfirmTwiceForm):
    """Why the arm must be known now."""

    reason = forms.CharField(
        label=gettext_lazy("Why must you know the group now?"),
        help_text=gettext_lazy("What happened, and what depends on the group. No names."),
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": gettext_lazy("Write why you must know the group.")},
    )
    field_order = ("reason", "password", "code")


class DecideForm(ConfirmTwiceForm):
    """Release, or not."""

    released = forms.ChoiceField(
        label=gettext_lazy("Your decision"),
        choices=[
            ("yes", gettext_lazy("Show the group to whoever asks")),
            ("no", gettext_lazy("Do not show it")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose one.")},
    )
    field_order = ("released", "password", "code")


def _open(request: HttpRequest, pk: int) -> Participant:
    """The door: a randomized participant of a blinded trial, where the user may unblind; else 404."""
    one = access_participant(request.user, pk, Permission.UNBLIND)
    if not may_be_unblinded(one):
        raise Http404
    return one


def _request(one: Participant, number: int) -> Asked:
    asked = asked_about(one, number)
    if asked is None:
        raise Http404
    return asked


@never_cache
@acts
def ask(request: HttpRequest, pk: int) -> HttpResponse:
    """The reason, the password and a second step. A second click leads to the first request."""
    one, user = _open(request, pk), staff(request)
    earlier = unblindings_of(one)
    own = [each for each in earlier if each.unblinding.by == user and not each.is_refused]
    if own:
        return redirect("admin:people_participant_unblinding", pk, own[-1].unblinding.pk)
    form = AskForm(user, request.POST or None, now=now())
    if has_second_step(user) and form.is_valid():
        try:
            made = ask_to_unblind(participant=one, reason=form.cleaned_data["reason"], by=user, now=now())
        except DomainError as refused:
            form.add_error("reason", str(refused))
        else:
            if _request(one, made.pk).is_released:
                request.session[JUST_ASKED] = made.pk
            return redirect("admin:people_participant_unblinding", pk, made.pk)
    context = {
        "participant": one,
        "form": form,
        "second_step": has_second_step(user),
        "rules": rules_of(one.trial),
        "earlier": earlier,
    }
    return render(request, "office/unblind.html", context)


@never_cache
@acts
def unblinding(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Where a request stands; and the arm, to the one who asked, once released and each time confirmed."""
    one, user = _open(request, pk), staff(request)
    asked = _request(one, number)
    mine = asked.unblinding.by == user
    form = ConfirmTwiceForm(user, request.POST or None, now=now())
    context: dict[str, Any] = {"participant": one, "asked": asked, "form": form, "mine": mine}
    context |= {"may_decide": may_decide(user, asked), "second_step": has_second_step(user)}
    just_asked = request.method == "GET" and request.session.pop(JUST_ASKED, None) == number
    if mine and asked.is_released and (just_asked or (has_second_step(user) and form.is_valid())):
        context["arm"] = unblinded_arm(user=user, asked=asked, now=now())
    return render(request, "office/unblinding.html", context)


@never_cache
@acts
def decide(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Somebody else's request: release the arm to them, or not. Whoever decides is not shown it."""
    one, user = _open(request, pk), staff(request)
    asked = _request(one, number)
    if not may_decide(user, asked):
        return redirect("admin:people_participant_unblinding", pk, number)
    form = DecideForm(user, request.POST or None, now=now())
    if has_second_step(user) and form.is_valid():
        released = form.cleaned_data["released"] == "yes"
        decision = decide_unblinding(unblinding=asked.unblinding, released=released, by=user, now=now())
        if decision.by == user:
            messages.success(request, _("Your decision is recorded."))
        else:
            messages.warning(request, _("Somebody else decided a moment before you."))
        return redirect("admin:people_participant_unblinding", pk, number)
    context = {"participant": one, "asked": asked, "form": form, "second_step": has_second_step(user)}
    return render(request, "office/unblinding_decide.html", context)
