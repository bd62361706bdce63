"""Staff log in with two steps."""

from collections.abc import Callable
from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

OPEN = {"account_logout", "account_reauthenticate", "set_language", "health"}


class RequireMfaMiddleware:
    """Sends staff who have no second step to the page where they set one up, where `settings.REQUIRE_MFA`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *view: Any) -> HttpResponse | None:
        if not settings.REQUIRE_MFA or not request.user.is_authenticated:
            return None
        name = request.resolver_match.url_name if request.resolver_match else None
        if name and (name in OPEN or name.startswith("mfa_")):
            return None
        return None if is_mfa_enabled(request.user) else redirect("mfa_index")
