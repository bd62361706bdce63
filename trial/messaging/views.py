"""What the provider calls. Each request is believed for its signature alone."""

from collections.abc import Callable
from functools import wraps
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseForbidden
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from trial.audit.context import acting
from trial.core.clock import now
from trial.messaging.gateways import current
from trial.messaging.services import record_inbound, record_receipt

View = Callable[..., HttpResponse]


def from_provider(*needed: str) -> Callable[[View], View]:
    """Only a POST that the provider signed, with these values; nobody else learns what is there."""

    def decorate(view: View) -> View:
        @csrf_exempt
        @require_POST
        @sensitive_post_parameters()
        @wraps(view)
        def checked(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
            signature = request.headers.get("X-Twilio-Signature", "")
            if not current().signed_by_provider(request.get_full_path(), request.POST, signature):
                return HttpResponseForbidden()
            if not all(request.POST.get(name) for name in needed):
                return HttpResponseBadRequest()
            with acting("system:sms-provider"):
                return view(request, *args, **kwargs)

        return checked

    return decorate


@from_provider("MessageSid", "MessageStatus")
def status(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """A message went on its way, arrived, or did not."""
    known = record_receipt(
        message_id=message_id,
        provider_id=request.POST["MessageSid"],
        status=request.POST["MessageStatus"],
        error_code=request.POST.get("ErrorCode", ""),
        now=now(),
    )
    return HttpResponse(status=204 if known else 404)


@from_provider("MessageSid", "From")
def inbound(request: HttpRequest) -> HttpResponse:
    """Somebody sent an SMS. It is only kept here; a sweep reads it."""
    record_inbound(
        provider_id=request.POST["MessageSid"],
        sender=request.POST["From"],
        body=request.POST.get("Body", ""),
        now=now(),
    )
    return HttpResponse("<Response/>", content_type="text/xml")
