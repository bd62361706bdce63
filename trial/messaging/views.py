"""What the provider calls. Each request is believed for its signature alone."""

from collections.abc import Callable
from functools import wraps
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseForbidden
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from trial.audit.context import acting
from trial.core.clock import now
from trial.messaging.gateways import current
from trial.messaging.services import record_inbound, record_receipt

View = Callable[..., HttpResponse]


def from_provider(view: View) -> View:
    """Only a POST that the provider signed; nobody else learns whether anything is there."""

    @csrf_exempt
    @require_POST
    @sensitive_post_parameters()
    @wraps(view)
    def checked(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        signature = request.headers.get("X-Twilio-Signature", "")
        if not current().signed_by_provider(request.get_full_path(), request.POST, signature):
            return HttpResponseForbidden()
        with acting("system:sms-provider"):
            return view(request, *args, **kwargs)

    return checked


@from_provider
def status(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """A message went on its way, arrived, or did not."""
    known = record_receipt(
        message_id=message_id,
        provider_id=request.POST.get("MessageSid", ""),
        status=request.POST.get("MessageStatus", ""),
        error_code=request.POST.get("ErrorCode", ""),
        now=now(),
    )
    if not known:
        raise Http404
    return HttpResponse(status=204)


@from_provider
def inbound(request: HttpRequest) -> HttpResponse:
    """Somebody sent an SMS. It is only kept here; a sweep reads it."""
    record_inbound(
        provider_id=request.POST.get("MessageSid", ""),
        sender=request.POST.get("From", ""),
        body=request.POST.get("Body", ""),
        now=now(),
    )
    return HttpResponse("<Response/>", content_type="text/xml")
