"""Every web request is somebody's act."""

import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from trial.audit.context import acting

PARTICIPANT_SESSION_KEY = "participant"


class ActorMiddleware:
    """Acts as the user, the participant of the session, or the public; stands after authentication.

    The request's id goes into the trail and back to the browser, so that a report can be traced.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = str(uuid.uuid4())
        with acting(actor_of(request), request=request_id):
            response = self.get_response(request)
        response["X-Request-ID"] = request_id
        return response


def actor_of(request: HttpRequest) -> str:
    """`user:<id>` before `participant:<study id>`: somebody on the staff who tries the pages is staff."""
    if request.user.is_authenticated:
        return f"user:{request.user.pk}"
    if study_id := request.session.get(PARTICIPANT_SESSION_KEY):
        return f"participant:{study_id}"
    return "public"
