"""Who is who. What they may do is answered by `trial.people.backends`."""

from allauth.account.auth_backends import AuthenticationBackend


class LogInBackend(AuthenticationBackend):
    """Logs in by e-mail and password; grants nothing, since Django's own permissions are not in use."""

    def has_perm(self, user_obj: object, perm: str, obj: object = None) -> bool:
        return False
