"""What coordinators say about envelopes: that one was opened for a participant, or never will be."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from randomization.envelope_forms import ReturnForm
from randomization.envelopes import Tracked, accounts, checklist_of_opened, surprises_for
from randomization.selectors import allocation_fact
from randomization.services import return_envelope, use_envelope
from trial.accounts.forms import ConfirmForm
from trial.accounts.models import User
from trial.accounts.permissions import Permission
from trial.core.clock import now
from trial.core.forms import tried
from trial.office.views import JUST_RANDOMIZED, already_randomized
from trial.people.access import access_participant, staff
from trial.people.models import Participant
from trial.people.selectors import has_permission, sites_for
from trial.protocol.selectors import protocol_of

acts = require_http_methods(["GET", "POST"])
MINUTE = "%Y-%m-%dT%H:%M"


class WrittenTimeField(forms.DateTimeField):
    """A moment as it stands on paper, also of the hour that comes twice; the form knows the time zone."""

    def to_python(self, value: Any) -> datetime | None:
        with timezone.override(UTC):
            return super().to_python(value)


class UseForm(ConfirmForm):
    """Which envelope was opened, and when."""

    number = forms.ChoiceField(
        label=gettext_lazy("Number of the envelope"),
        error_messages={
            "required": gettext_lazy("Choose the envelope."),
            "invalid_choice": gettext_lazy("Choose one of the envelopes that are out."),
        },
    )
    opened_at = WrittenTimeField(
        label=gettext_lazy("When it was opened"),
        help_text=gettext_lazy("As it is written on the envelope."),
        input_formats=[MINUTE],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "class": "tb-medium"}, format=MINUTE),
        error_messages={
            "required": gettext_lazy("Say when it was opened."),
            "invalid": gettext_lazy("Write a date and a time."),
        },
    )
    sure = forms.BooleanField(
        label=gettext_lazy("It did happen like this. Record it, with a protocol deviation."), required=False
    )

    def __init__(
        self, user: User, tracked: list[Tracked], zone: ZoneInfo, data: Any = None, *, now: datetime
    ) -> None:
        super().__init__(user, data, now=now)
        self._zone = zone
        self._tracked = {str(one.envelope.number): one for one in tracked}
        number = self.fields["number"]
        assert isinstance(number, forms.ChoiceField)
        choices = [(key, f"{key} · {one.stratum}") for key, one in self._tracked.items()]
        number.choices = [("", _("Choose")), *choices]
        self.order_fields(["number", "opened_at", "sure", "password"])

    def clean_opened_at(self) -> datetime:
        """In the trial's time zone."""
        written: datetime = self.cleaned_data["opened_at"]
        return written.replace(tzinfo=self._zone)

    @property
    def envelope(self) -> Any:
        return self._tracked[self.cleaned_data["number"]].envelope


@never_cache
@require_GET
def overview(request: HttpRequest) -> HttpResponse:
    """Every envelope of the sites where one works."""
    if not has_permission(request.user, Permission.VIEW_PARTICIPANT):
        raise Http404
    sites = sites_for(request.user, Permission.VIEW_PARTICIPANT).select_related("trial")
    own = [one for one in accounts(sites, get_language() or "") if one.tracked]
    recording = set(sites_for(request.user, Permission.RANDOMIZE))
    shown = [(account, account.site in recording) for account in own]
    return render(request, "office/envelopes.html", {"accounts": shown})


@never_cache
@acts
def use(request: HttpRequest, pk: int) -> HttpResponse:
    """An envelope was opened for the participant; what is not as it should be is asked about once more."""
    one = access_participant(request.user, pk, Permission.RANDOMIZE)
    if fact := allocation_fact(one):
        return already_randomized(request, one, fact)
    tracked = [each for each in accounts([one.site], _language())[0].tracked if each.may_be_used]
    zone = ZoneInfo(protocol_of(one.protocol_version).time_zone)
    form = UseForm(staff(request), tracked, zone, request.POST or None, now=now())
    found: dict[str, str] = {}
    if form.is_valid():
        found = surprises_for(form.envelope, one, language=_language())
        if (not found or form.cleaned_data["sure"]) and _used(request, one, form):
            return redirect("admin:people_participant_allocation", pk)
    if not found:
        form.fields["sure"].widget = forms.HiddenInput()
    conditions = checklist_of_opened(one)
    context = {"participant": one, "form": form, "tracked": tracked, "surprises": found.values()}
    return render(request, "office/envelope.html", {**context, "conditions": conditions})


def _used(request: HttpRequest, one: Participant, form: UseForm) -> bool:
    opened_at, by = form.cleaned_data["opened_at"], staff(request)

    def act() -> None:
        use_envelope(
            envelope=form.envelope,
            participant=one,
            opened_at=opened_at,
            by=by,
            now=now(),
            language=_language(),
        )

    if not tried(form, act):
        return False
    messages.success(request, _("The envelope is recorded. Compare the paper with this page."))
    request.session[JUST_RANDOMIZED] = one.pk
    return True


@never_cache
@acts
def give_back(request: HttpRequest, number: int) -> HttpResponse:
    """An envelope of one's site will never be used, and why."""
    tracked = _of_own_site(request, number)
    form = ReturnForm(tracked.envelope.site.trial, request.POST or None)
    if form.is_valid() and tried(
        form,
        lambda: return_envelope(envelope=tracked.envelope, by=staff(request), now=now(), **form.cleaned_data),
    ):
        messages.success(request, _("It is recorded."))
        return redirect("admin:people_participant_envelopes")
    return render(request, "office/envelope_return.html", {"form": form, "tracked": tracked})


def _of_own_site(request: HttpRequest, number: int) -> Tracked:
    """The door: an envelope of a site where the user randomizes; else 404."""
    for account in accounts(sites_for(request.user, Permission.RANDOMIZE), _language()):
        for tracked in account.tracked:
            if tracked.envelope.pk == number:
                return tracked
    raise Http404


def _language() -> str:
    return get_language() or "en"
