"""What every request passes."""

import logging
from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from trial.core.errors import DomainError

logger = logging.getLogger(__name__)


class RefuseNulMiddleware:
    """400 for an address with a NUL in it: PostgreSQL has no such text, so it can name nothing of ours."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            raise BadRequest("NUL in the address")
        return self.get_response(request)


class SayRefusalMiddleware:
    """A refusal that no form expected is still told in its sentence; the log names its kind and the view."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, DomainError):
            return None
        view = request.resolver_match.view_name if request.resolver_match else ""
        logger.error("%s where no form expected it: %s", type(exception).__name__, view)
        return render(request, "409.html", {"refused": str(exception)}, status=409)
