"""The people who work in a trial. Participants are not users: they are in `trial.people`."""

from typing import ClassVar

from django.contrib.auth import get_backends
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from trial.accounts.permissions import Permission
from trial.core.models import Model, Privacy


class UserManager(BaseUserManager["User"]):
    def create_user(
        self, email: str, password: str | None = None, *, name: str = "", **fields: object
    ) -> "User":
        """A user who logs in with `email`; without a password only a reset link lets them in."""
        user = self.model(email=email.strip().lower(), name=name, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, email: str | None) -> "User":
        return self.get(email=(email or "").strip().lower())


class User(Model, AbstractBaseUser):
    """Someone on the staff, known by their e-mail address. What they may do stands in their memberships.

    There is no superuser: nobody may do everything, because nobody may see everything.
    """

    email = models.EmailField(_("e-mail"), max_length=254)
    name = models.CharField(_("name"), max_length=200)
    is_active = models.BooleanField(_("may log in"), default=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    privacy = Privacy(open=("id", "email", "name", "is_active", "created_at", "password", "last_login"))
    audit_redact = ("password",)

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        ordering = ["name", "email"]
        constraints = [
            models.UniqueConstraint(fields=["email"], name="user_email_unique"),
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="user_email_lower_case"),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def clean(self) -> None:
        self.email = self.email.strip().lower()

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name

    @property
    def is_staff(self) -> bool:
        """Whether the office opens for them."""
        return self.has_perm(Permission.VIEW_OFFICE)

    def has_perm(self, permission: str, obj: models.Model | None = None) -> bool:
        """Whether they may: in the trial or site `obj`, or anywhere when it is None.

        Memberships live above this app, so the answer comes from `trial.people`'s authentication backend.
        """
        return self.is_active and any(backend.has_perm(self, permission, obj) for backend in get_backends())

    def has_perms(self, permissions: list[str], obj: models.Model | None = None) -> bool:
        return all(self.has_perm(permission, obj) for permission in permissions)

    def has_module_perms(self, app_label: str) -> bool:
        """The office shows an app where one of its pages may be seen, which each page decides for itself."""
        return self.is_staff


class WrongPassword(Model):
    """A wrong answer to "confirm with your password"; a handful of these locks the question for a while."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="wrong_passwords")
    at = models.DateTimeField()

    privacy = Privacy(open=("id", "user", "at"))

    class Meta:
        verbose_name = _("wrong password")
        verbose_name_plural = _("wrong passwords")
        indexes = [models.Index(fields=["user", "at"], name="wrong_password_user_at")]
