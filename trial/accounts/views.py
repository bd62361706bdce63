"""Pages for staff who are in, but not yet anywhere."""

from typing import NoReturn

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render


@login_required
def rooms(request: HttpRequest) -> HttpResponse:
    """Where a log-in lands that has no office: the navigation names the rooms that are open."""
    return render(request, "account/rooms.html")


def shut(request: HttpRequest) -> NoReturn:
    """A page of allauth's that we do not offer."""
    raise Http404
