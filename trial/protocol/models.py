"""Trials, the versions of their protocols, and which of them is in force. Rows are added, never changed."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from trial.core.models import Model, Privacy


class Trial(Model):
    """A trial of this installation."""

    privacy = Privacy(open=("id", "slug"))

    slug = models.SlugField(_("short name"), max_length=40, unique=True)

    class Meta:
        ordering = ("slug",)
        verbose_name = _("trial")
        verbose_name_plural = _("trials")

    def __str__(self) -> str:
        return self.slug


class WithoutFiles(models.Manager["ProtocolVersion"]):
    """Leaves the files' text, some hundred kilobytes, in the database until somebody asks for it."""

    def get_queryset(self) -> models.QuerySet["ProtocolVersion"]:
        return super().get_queryset().defer("source", "instruments")


class ProtocolVersion(Model):
    """A protocol file and the instrument files it uses, stored whole. The database refuses to change one."""

    privacy = Privacy(
        open=("id", "trial", "version", "sha256", "source", "instruments", "reason", "loaded_at")
    )

    trial = models.ForeignKey(Trial, models.PROTECT, related_name="versions")
    version = models.CharField(_("version"), max_length=20)
    sha256 = models.CharField("SHA-256", max_length=64)
    source = models.TextField(_("protocol file"))
    instruments = models.JSONField(_("instrument files"))
    """Source of each instrument file, by key."""
    reason = models.TextField(blank=True)
    """Why the protocol was amended; empty for the first version."""
    loaded_at = models.DateTimeField(_("loaded"))

    audit_redact = ("source",)
    """It tells block sizes; its hash stands in the trail."""

    objects = WithoutFiles()

    class Meta:
        base_manager_name = "objects"
        ordering = ("trial", "id")
        verbose_name = _("protocol version")
        verbose_name_plural = _("protocol versions")
        constraints = (
            models.UniqueConstraint(fields=("trial", "version"), name="protocol_version_once"),
            models.CheckConstraint(
                condition=models.Q(sha256__regex=r"^[0-9a-f]{64}$"), name="protocol_version_sha256"
            ),
        )

    def __str__(self) -> str:
        return f"{self.trial.slug}@{self.version}"


class Activation(Model):
    """From this moment on, this version is in force. The latest row counts."""

    privacy = Privacy(open=("id", "trial", "version", "at", "by", "reason"))

    trial = models.ForeignKey(Trial, models.PROTECT, related_name="activations")
    version = models.ForeignKey(
        ProtocolVersion, models.PROTECT, related_name="activations", verbose_name=_("protocol version")
    )
    at = models.DateTimeField()
    by = models.CharField(max_length=200)
    """Who, in the words of the audit trail: "user:12", "system:protocol"."""
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ("id",)
        verbose_name = _("activation")
        verbose_name_plural = _("activations")
        constraints = (models.UniqueConstraint(fields=("version",), name="activation_once_per_version"),)

    def __str__(self) -> str:
        return f"{self.version} from {self.at:%Y-%m-%d %H:%M}"


class TrialStatus(Model):
    """What the trial does from this moment on. The latest row counts; a trial without rows is a draft."""

    class Name(models.TextChoices):
        DRAFT = "draft", _("draft")
        RECRUITING = "recruiting", _("recruiting")
        CLOSED = "closed", _("closed to new participants")
        LOCKED = "locked", _("data locked")

    privacy = Privacy(open=("id", "trial", "name", "at", "by", "reason"))

    trial = models.ForeignKey(Trial, models.PROTECT, related_name="statuses")
    name = models.CharField(_("status"), max_length=20, choices=Name)
    at = models.DateTimeField()
    by = models.CharField(max_length=200)
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ("id",)
        verbose_name = _("trial status")
        verbose_name_plural = _("trial statuses")
        constraints = (
            models.CheckConstraint(
                condition=models.Q(name__in=("draft", "recruiting", "closed", "locked")),
                name="trial_status_known",
            ),
        )

    def __str__(self) -> str:
        return f"{self.trial}: {self.name}"
