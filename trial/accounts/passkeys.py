"""Confirming an act with a passkey: a challenge for this page alone, which is answered once.

The ceremony is allauth's; only the challenges are kept apart from those of logging in.
"""

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth
from django.http import HttpRequest
from fido2.webauthn import UserVerificationRequirement

from trial.accounts.models import User

CHALLENGES = "passkey_challenges"
"""In the session: address of the page to its open challenge."""
MOST_OPEN = 10


def has_passkey(user: User) -> bool:
    return Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN).exists()


def challenge(request: HttpRequest, user: User) -> dict[str, Any]:
    """What the browser asks the user's passkeys to sign for this page; an earlier challenge of it is void.

    The passkey must know its owner by a finger, a face or a code: lying on the desk is not enough.
    """
    options, state = auth.get_server().authenticate_begin(
        credentials=auth.get_credentials(user), user_verification=UserVerificationRequirement.REQUIRED
    )
    others = {page: kept for page, kept in _open(request).items() if page != request.path}
    latest = list(others.items())[1 - MOST_OPEN :]
    request.session[CHALLENGES] = {**dict(latest), request.path: state}
    return dict(options)


def is_answered(request: HttpRequest, user: User, answer: object) -> bool:
    """Whether one of the user's passkeys signed this page's challenge, which is void from now on."""
    challenges = _open(request)
    state = challenges.pop(request.path, None)
    request.session[CHALLENGES] = challenges
    if state is None or not isinstance(answer, dict):
        return False
    try:
        used = auth.get_server().authenticate_complete(state, auth.get_credentials(user), answer)
    except (ValueError, TypeError, KeyError, AttributeError):
        return False
    found = auth.get_authenticator_by_credential_id(user, used.credential_id)
    if found is not None:
        found.record_usage()
    return found is not None


def _open(request: HttpRequest) -> dict[str, Any]:
    return dict(request.session.get(CHALLENGES, {}))
