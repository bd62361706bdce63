"""Notes and advice: write, sign, correct, read the versions."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from expertteam import selectors, services
from expertteam.access import access_case_as_member
from expertteam.errors import NewerVersion
from expertteam.forms import WritingForm
from expertteam.models import Advice, Case, Note, Writing
from trial.accounts.permissions import Permission
from trial.core.clock import now
from trial.core.errors import DomainError
from trial.people.access import requires, staff

Act = Callable[..., Writing]


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.WRITE_CASE)
def note(request: HttpRequest, study_id: str, thread: UUID | None = None) -> HttpResponse:
    """A new note, or one with its versions and a form that corrects it."""
    return _write(request, study_id, Note, thread, "note.html", services.sign_note)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.WRITE_CASE)
def advice(request: HttpRequest, study_id: str, thread: UUID | None = None) -> HttpResponse:
    """New advice, or one with its versions; the button says whether it stays a draft or is signed."""
    act = services.sign_advice if "sign" in request.POST else services.save_advice
    return _write(request, study_id, Advice, thread, "advice.html", act)


def _write(
    request: HttpRequest, study_id: str, model: type[Writing], key: UUID | None, template: str, act: Act
) -> HttpResponse:
    user = staff(request)
    case = access_case_as_member(user, study_id)
    thread = _thread(model, case, key)
    form = WritingForm(request.POST) if request.method == "POST" else _form(thread)
    newer = None
    if form.is_bound and form.is_valid():
        try:
            act(case=case, by=user, now=now(), **form.cleaned_data)
        except NewerVersion as overtaken:
            newer, thread = overtaken, selectors.thread(model, case, form.cleaned_data["thread"])
            form = form.after(overtaken.newest.version)
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect(f"{reverse('expertteam:case', args=[study_id])}#{template.removesuffix('.html')}")
    context = {"case": case, "thread": thread, "form": form, "newer": newer}
    return render(request, f"expertteam/{template}", context)


def _thread(model: type[Writing], case: Case, key: UUID | None) -> selectors.Thread | None:
    if key is None:
        return None
    if found := selectors.thread(model, case, key):
        return found
    raise Http404


def _form(thread: selectors.Thread | None) -> WritingForm:
    if thread is None:
        return WritingForm.new()
    newest = thread.newest
    initial: dict[str, Any] = {"thread": newest.thread, "based_on": newest.version, "text": newest.text}
    return WritingForm(initial=initial)
